import { rm } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { ignoreError } from '../../../dropped-errors.ts'
import { shellWord } from '../../../lib/i18n/formats.ts'
import { type Message, message } from '../../../lib/i18n/message.ts'
import { toSentence, UserError } from '../../../lib/i18n/user-error.ts'
import { englishWords } from '../../../lib/i18n/words.ts'
import type { RequestOutput } from '../../../lib/workers/definition.ts'
import { toFetchedNames } from '../../../restore/restore-messages.ts'
import type { senderDefinition } from '../../../send/sender-messages.ts'
import type { AgentServices, Part } from '../../services.ts'
import { isHeld } from '../../state/derived.ts'
import { type DestinationState, type HealingState, MOST_HEAL_FAILURES } from '../../state/schema.ts'
import type { SenderWorkers } from '../destinations/senders.ts'
import type { Restores } from '../restore/restores.ts'
import { createReader } from '../restore/restores.ts'

type Plan = NonNullable<RequestOutput<typeof senderDefinition, 'planHealing'>>
type Planned = Plan['files'][number]
type DamagedFile = Planned['file']

/** Limits of the files that are fetched before they are stored: they need this space in the data directory. */
const FILES_AT_ONCE = 256
/** Repairs of one run that the log names: those of a whole disk would push out everything else. */
const MOST_LOGGED = 1_000
const BYTES_AT_ONCE = 64 * 1024 * 1024
const POLL_MS = 200
/**
 * Without a byte for this long, a destination hangs; besides the time in which it reads the files back at this rate,
 * which proves that it has them.
 */
const HANGS_AFTER_MS = 60_000
const PROVEN_BYTES_PER_MS = 1_000
/** Delay before files that their sources should send again are looked up. */
const RESENT_AFTER_MS = 15_000
/** Delay before what failed is tried again; it doubles each time. */
const FIRST_RETRY_MS = 60_000
const LONGEST_RETRY_MS = 3_600_000

/** A file under way, with the destinations that are left to try and the last failure. */
interface Pending {
  planned: Planned
  from: string[]
  failure: Message | null
}

type Services = Pick<AgentServices, 'settings' | 'store' | 'layout' | 'log' | 'host'> & {
  senders: SenderWorkers
  restores: Restores
}

/**
 * Gives destinations the contents again that they lost and that no source has: each is fetched from another destination
 * and stored by the sender (core/send/healing.ts). One destination at a time; it begins automatically when damage is found.
 */
export class Healing implements Part {
  readonly #agent: Services
  readonly #worker: ReturnType<typeof createReader>
  /** Destinations that wait for their turn, with an age identity if a person gave one. */
  readonly #waiting = new Map<string, string | null>()
  /**
   * By destination: when it is tried again, the delay before that, the time after which files are new,
   * and the delay after which newer ones are tried with them.
   */
  readonly #retries = new Map<string, { at: number; delayMs: number; foundAt: number; newAfterMs: number }>()
  /** By destination: the lost files of the last run, which are not logged again. */
  readonly #lost = new Map<string, ReadonlySet<string>>()
  /** Repairs that the present run has logged. */
  #logged = 0
  /** The destination that contents are read from now. */
  #reads: string | null = null
  #isRunning = false
  #isStopped = false

  constructor(agent: Services) {
    this.#agent = agent
    this.#worker = createReader(agent)
  }

  /**
   * Heals a destination as soon as those before it are done.
   * @param identity an age identity that opens the contents of encrypted destinations.
   */
  start(id: string, identity: string | null): void {
    if (this.#find(id) === undefined) throw new UserError('refuse.noSuchDestination', { name: id })
    this.#enqueue(id, identity)
  }

  /** Begins to heal destinations that have damaged files. */
  tick(now: number): void {
    const { state } = this.#agent.store
    if (state.settings.pause !== null || isHeld(state)) return
    for (const { id, damaged, healing, connection } of state.destinations) {
      const isIdle = healing?.isRunning !== true
      if (damaged === undefined || connection.state !== 'connected' || !isIdle) continue
      const retry = this.#retries.get(id)
      if (retry !== undefined && damaged.foundAt > retry.foundAt) {
        retry.at = Math.min(retry.at, now + retry.newAfterMs)
        retry.foundAt = damaged.foundAt
      }
      if (retry === undefined || now >= retry.at) this.#enqueue(id, null)
    }
  }

  /** True if contents are being read from a destination. */
  isReading(id: string): boolean {
    return this.#reads === id
  }

  async end(): Promise<void> {
    this.#isStopped = true
    this.#waiting.clear()
    await this.#worker.stop()
  }

  #enqueue(id: string, identity: string | null): void {
    if (this.#isStopped) return
    const state = this.#find(id)?.healing
    if (!this.#waiting.has(id) || identity !== null) this.#waiting.set(id, identity)
    if (state?.isRunning !== true) this.#show(id, { ...BEGUN, at: Date.now() })
    if (!this.#isRunning) void this.#runAll()
  }

  async #runAll(): Promise<void> {
    this.#isRunning = true
    while (this.#waiting.size > 0) {
      for (const [id, identity] of this.#waiting) {
        // A person may ask for it again meanwhile.
        this.#waiting.delete(id)
        await this.#run(id, identity)
      }
      await rm(this.#agent.layout.healing, { recursive: true, force: true }).catch(
        ignoreError('the next healing removes what this one left'),
      )
    }
    this.#isRunning = false
    this.#worker.configure({}, false)
  }

  async #run(id: string, identity: string | null): Promise<void> {
    const { log, senders } = this.#agent
    const lostNow = new Set<string>()
    this.#logged = 0
    let now: HealingState = { ...BEGUN, at: Date.now() }
    const add = (
      more: Partial<Pick<HealingState, 'healed' | 'resent' | 'failed'>>,
      failures: Message[] = [],
    ) => {
      now = {
        ...now,
        healed: now.healed + (more.healed ?? 0),
        resent: now.resent + (more.resent ?? 0),
        failed: now.failed + (more.failed ?? 0),
        failures: addNew(now.failures, failures),
      }
      this.#show(id, now)
    }
    const name = this.#find(id)?.name ?? ''
    let skipped = 0
    let isHalted = false
    try {
      const others = this.#agent.store.state.destinations.map((one) => one.id).filter((one) => one !== id)
      let after: Plan['next'] = null
      do {
        const plan: Plan | null = await senders.requestOf(id, 'planHealing', { others, after })
        isHalted = plan === null
        if (plan === null) throw new UserError('heal.notConnected', { name })
        skipped += plan.skipped
        for (const file of plan.sentAgain) this.#logRepair(file, name, 'was sent again')
        const lost = plan.lost.map((file) => {
          const path = this.#formatPath(file)
          const sentence = message('heal.nowhere', { path, name })
          if (this.#lost.get(id)?.has(path) !== true) log('warn', englishWords(sentence))
          lostNow.add(path)
          return sentence
        })
        add({ resent: plan.resent, failed: lost.length }, lost)
        await this.#healSome(id, plan.files, identity, add)
        after = plan.next
      } while (after !== null && !this.#isStopped)
      if (skipped > 0) add({ failed: skipped }, [message('heal.skipped', { count: skipped, name })])
    } catch (error) {
      if (this.#isStopped) return
      if (!(error instanceof UserError)) log('error', `healing ${name}: ${String(error)}`)
      add({}, [toSentence(error)])
    }
    this.#show(id, { ...now, isRunning: this.#waiting.has(id), at: Date.now() })
    this.#lost.set(id, lostNow)
    this.#planRetry(id, now, isHalted)
    for (const failure of now.failures) if (failure.key !== 'heal.nowhere') log('warn', englishWords(failure))
  }

  /** Sets when what is left is tried again. */
  #planRetry(id: string, { at: begunAt, healed, failed, failures }: HealingState, isHalted: boolean): void {
    const before = this.#retries.get(id)
    const hasFailed = failed + failures.length > 0
    const doubled = before === undefined || healed > 0 || isHalted ? FIRST_RETRY_MS : before.delayMs * 2
    const delayMs = Math.min(LONGEST_RETRY_MS, doubled)
    // Files that have failed would be fetched again: they wait longer than files that the sources send.
    const at = Date.now() + (hasFailed ? delayMs : RESENT_AFTER_MS)
    this.#retries.set(id, {
      at,
      delayMs,
      foundAt: begunAt,
      newAfterMs: hasFailed ? FIRST_RETRY_MS : RESENT_AFTER_MS,
    })
  }

  /** Heals the files of one plan: each from the first destination that has it, and else from the next one. */
  async #healSome(
    id: string,
    planned: readonly Planned[],
    identity: string | null,
    add: (more: Partial<Pick<HealingState, 'healed' | 'failed'>>, failures?: Message[]) => void,
  ): Promise<void> {
    let pending: Pending[] = planned.map((one) => ({ planned: one, from: one.from, failure: null }))
    while (pending.length > 0 && !this.#isStopped) {
      const [first] = pending
      const from = first?.from[0]
      if (from === undefined) break
      const group: Pending[] = []
      let bytes = 0
      for (const one of pending) {
        const { size } = one.planned.file
        const fits = group.length === 0 || (group.length < FILES_AT_ONCE && bytes + size <= BYTES_AT_ONCE)
        if (one.from[0] !== from || !fits) continue
        group.push(one)
        bytes += size
      }
      const { healed, failed } = await this.#healGroup(id, from, group, identity)
      const taken = new Set(group)
      const again = failed.map(({ planned, from: [, ...rest], failure }) => ({
        planned,
        from: rest,
        failure,
      }))
      const over = again.filter((one) => one.from.length === 0)
      pending = [...pending.filter((one) => !taken.has(one)), ...again.filter((one) => one.from.length > 0)]
      const failures = over.flatMap(({ failure }) => (failure === null ? [] : [failure]))
      add({ healed, failed: over.length }, failures)
    }
  }

  /** Fetches some files from one destination, and has another store them. */
  async #healGroup(
    id: string,
    from: string,
    group: readonly Pending[],
    identity: string | null,
  ): Promise<{ healed: number; failed: Pending[] }> {
    const { layout, senders } = this.#agent
    const names = { to: this.#find(id)?.name ?? '', from: this.#find(from)?.name ?? '' }
    let faults: ReadonlyMap<number, Message>
    try {
      faults = await this.#fetch(from, group, identity)
    } catch (error) {
      if (this.#isStopped) throw error
      const sentence = toSentence(error)
      const needsIdentity = sentence.key === 'transfer.objects.needsIdentity'
      const words = { name: names.from, word: shellWord(names.to) }
      const failed = group.map((one) => {
        const path = this.#formatPath(one.planned.file)
        const own = message('heal.needsIdentity', { path, ...words })
        return { ...one, failure: needsIdentity ? own : sentence }
      })
      return { healed: 0, failed }
    }
    const fetched = group.flatMap((one, index) => (faults.has(index) ? [] : [{ one, index }]))
    const files = fetched.map(({ one, index }) => ({ file: one.planned.file, ...toFetchedNames(index) }))
    if (files.length > 0) await senders.requestOf(id, 'heal', { directory: layout.healing, files })
    const result =
      files.length === 0
        ? { healed: [], failed: [] }
        : await this.#poll(
            names.to,
            async () => {
              const { result, bytes } = await senders.requestOf(id, 'healed', {})
              return { done: result, bytes }
            },
            files.reduce((sum, { file }) => sum + file.size, 0) / PROVEN_BYTES_PER_MS,
          )
    for (const index of result.healed) {
      const file = files[index]?.file
      if (file !== undefined) this.#logRepair(file, names.to, `was fetched from ${names.from}`)
    }
    // Without a session nothing more can be stored now.
    if (result.failed.some(([, reason]) => reason === null))
      throw new UserError('heal.notConnected', { name: names.to })
    const notFetched = group.flatMap((one, index) => {
      const failure = faults.get(index)
      return failure === undefined ? [] : [{ ...one, failure }]
    })
    const notStored = result.failed.flatMap(([index, failure]) => {
      const one = fetched[index]?.one
      return one === undefined ? [] : [{ ...one, failure }]
    })
    return { healed: result.healed.length, failed: [...notFetched, ...notStored] }
  }

  async #fetch(
    from: string,
    group: readonly Pending[],
    identity: string | null,
  ): Promise<ReadonlyMap<number, Message>> {
    const { layout, restores } = this.#agent
    const name = this.#find(from)?.name ?? ''
    const files = group.map(({ planned: { file } }) => ({
      ...{ source: file.source, path: file.path, size: file.size },
      digest: file.digest ?? '',
    }))
    this.#reads = from
    try {
      const settings = restores.getLibrarySettings(from, null, identity)
      await this.#worker.request('fetch', { from: settings, directory: layout.healing, files })
      const faults = await this.#poll(name, async () => {
        const { faults, bytes } = await this.#worker.request('fetched', {})
        return { done: faults, bytes }
      })
      return new Map(
        faults.map(([index, reason]) => {
          const file = group[index]?.planned.file
          const path = file === undefined ? '' : this.#formatPath(file)
          // Encrypted and checked contents state a detail of the damage, too.
          const isDamaged = /^damaged\b/.test(reason)
          return [
            index,
            isDamaged
              ? message('heal.damagedThere', { path, name })
              : message('heal.notFetched', { path, name, reason }),
          ]
        }),
      )
    } catch (error) {
      // A process that hangs with a disk is replaced.
      if (error instanceof UserError && error.sentence.key === 'heal.hangs') await this.#worker.rest()
      throw error
    } finally {
      this.#reads = null
    }
  }

  /**
   * Waits for the end of a background job.
   * @param proofMs time, in milliseconds, in which the destination may read the files back without progress.
   * @throws UserError heal.hangs without progress
   */
  async #poll<T>(
    name: string,
    ask: () => Promise<{ done: T | null; bytes: number }>,
    proofMs = 0,
  ): Promise<T> {
    let last = { bytes: -1, at: performance.now() }
    for (;;) {
      const { done, bytes } = await ask()
      if (done !== null) return done
      if (bytes !== last.bytes) last = { bytes, at: performance.now() }
      if (performance.now() - last.at > HANGS_AFTER_MS + proofMs) throw new UserError('heal.hangs', { name })
      await delay(POLL_MS, undefined, { ref: false })
    }
  }

  #find(id: string): DestinationState | undefined {
    return this.#agent.store.state.destinations.find((one) => one.id === id)
  }

  /** Names a file as people know it. */
  #formatPath({ source, path }: DamagedFile): string {
    const known = this.#agent.settings.get().sources.find((one) => one.id === source)
    return `${known?.name ?? source}/${path}`
  }

  #logRepair(file: DamagedFile, name: string, how: string): void {
    this.#logged += 1
    if (this.#logged === MOST_LOGGED)
      this.#agent.log('info', 'further repairs of this run are in the events only')
    if (this.#logged < MOST_LOGGED)
      this.#agent.log('info', `${this.#formatPath(file)} was ${file.finding} at ${name}, and ${how}`)
  }

  #show(id: string, healing: HealingState): void {
    const { store } = this.#agent
    const destinations = store.state.destinations.map((one) => (one.id === id ? { ...one, healing } : one))
    store.update({ destinations })
  }
}

const BEGUN: Omit<HealingState, 'at'> = { isRunning: true, healed: 0, resent: 0, failed: 0, failures: [] }

/** Adds failures that are not listed yet: a destination that cannot be reached fails for many files. */
function addNew(known: readonly Message[], more: readonly Message[]): Message[] {
  const all = new Map([...known, ...more].map((one) => [JSON.stringify(one), one]))
  return [...all.values()].slice(0, MOST_HEAL_FAILURES)
}
