import { isDeepStrictEqual } from 'node:util'
import type { Connection, Decision } from '../backends/backend-messages.ts'
import { TEST_MS } from '../backends/connection-test.ts'
import { whenFolderClosed } from '../backends/folder/folder.ts'
import { testDestination } from '../backends/open.ts'
import type { StatusNow } from '../backends/options.ts'
import { pairWithReceiver } from '../backends/receiver/receiver.ts'
import { fillRoutes, forgetAll, type Route, retryUntilDone, unparkAll } from '../ledger/background-jobs.ts'
import { createLedgerGuard, type Ledger, type LedgerGuard, openOrExplain } from '../ledger/ledger.ts'
import type { Totals } from '../ledger/ledger-messages.ts'
import { createLimitedLog } from '../lib/async/limited-log.ts'
import { throttle } from '../lib/async/timing.ts'
import type { Message } from '../lib/i18n/message.ts'
import { toSentence, UserError } from '../lib/i18n/user-error.ts'
import { englishWords } from '../lib/i18n/words.ts'
import { setProxy } from '../lib/network/tunnel.ts'
import type { LogLevel, RequestInput, WorkerConfig, WorkerReport } from '../lib/workers/definition.ts'
import type { WorkerContext, WorkerHandlers } from '../lib/workers/serve.ts'
import { type Identity, loadIdentity } from '../protocol/identity.ts'
import { folderName } from '../protocol/names.ts'
import type { Proposal } from '../protocol/proposal.ts'
import { type Delivery, goingTo, openDelivery, ownName, sameDelivery } from './delivery.ts'
import type { HealedFiles } from './healing.ts'
import { createDelays, createProgress } from './progress/progress.ts'
import { openLimiter } from './rate-limit/limiter.ts'
import { openReaders, type Readers } from './reading/readers.ts'
import type { senderDefinition } from './sender-messages.ts'

type Definition = typeof senderDefinition
type Config = WorkerConfig<Definition>
type Report = WorkerReport<Definition>
type Input<N extends keyof Definition['requests']> = RequestInput<Definition, N>

const NUDGE_EVERY_MS = 100
const REPORT_EVERY_MS = 250
const TRANSFERS = 20
/** A receiver's proposals are reported at most this often: an accepted one changes the settings and is recorded. */
const PROPOSAL_EVERY_MS = 10_000
/** Least interval of looking for damaged files, which another process records. */
const DAMAGED_EVERY_MS = 2_000
/** The interval is at least this many times the duration of a look: a million damaged files take a second. */
const DAMAGED_SHARE = 20

/** The scripts of the sender's threads. */
interface SenderThreads {
  readerThread: URL
  /** The thread of a folder destination's store. */
  storeThread: URL
}

/**
 * The sender as a worker. A configuration opens the ledger, and a delivery if the destination has changed. Work on the
 * ledger's rows of added and removed sources runs behind it. Changes are reported to the agent.
 */
export class SenderWorker implements WorkerHandlers<Definition> {
  readonly #context: WorkerContext<Definition>
  readonly #storeThread: URL
  // Readers outlive a delivery: a thread that hangs with a disk still counts against their limit.
  readonly #readers: Readers
  readonly #limited = createLimitedLog((text) => this.#context.log('info', text))
  // Limited because a receiver can cause many notices in a row.
  readonly #limitedNotices = createLimitedLog((text) => this.#context.log('warn', text))
  readonly #logNotReported = createLimitedLog((text) => this.#context.log('error', text))
  readonly #log: WorkerContext<Definition>['log'] = (level, text) =>
    level === 'info' ? this.#limited(text) : this.#context.log(level, text)
  readonly #ledger = holdLedger(this.#log)
  readonly #progress = createProgress()
  readonly #delays = createDelays()
  readonly #nudgeOthers = throttle(NUDGE_EVERY_MS, () => this.#context.nudge())
  readonly #stopping = new AbortController()
  /** A value of the report may have changed. */
  readonly #changed = throttle(REPORT_EVERY_MS, () => {
    try {
      this.#report()
    } catch (error) {
      this.#logNotReported(`report: ${String(error)}`)
    }
  })
  readonly #limiter = openLimiter(() => {
    this.#applySources()
    this.#changed()
  })
  #damagedTimer = this.#lookForDamagedIn(DAMAGED_EVERY_MS)
  #damaged = { files: 0, bytes: 0, foundAt: 0 }
  /** The healing that runs, or its result. */
  #healing: { result: HealedFiles | null; bytes: number } | null = null
  #config: Config | null = null
  /** The last configuration that was applied completely. */
  #applied: Config | null = null
  #identity: Identity | null = null
  #notice: Message | null = null
  /** The receiver's last message about proposed settings, until it is reported. */
  #proposal: Report['proposal']
  #proposedAtMs = Number.NEGATIVE_INFINITY
  #proposing: NodeJS.Timeout | undefined
  /** The proposal on this connection that has no decision yet. */
  #undecided: { id: string; decide: (decision: Decision) => void } | null = null
  #delivery: Delivery | null = null
  #connection: Connection = { state: 'idle', since: Date.now(), problem: null }
  #startProblem: Message | null = null
  /** The last report, as JSON: an equal one is skipped. */
  #lastReport = ''

  constructor(context: WorkerContext<Definition>, { readerThread, storeThread }: SenderThreads) {
    this.#context = context
    this.#storeThread = storeThread
    this.#readers = openReaders(readerThread)
  }

  async configure(next: Config): Promise<void> {
    setProxy(next.proxy ?? null)
    // Requests that need no ledger are answered from the beginning.
    this.#config ??= next
    try {
      await this.#carryOut(next)
    } catch (error) {
      this.#startProblem = toSentence(error)
      this.#changed()
      throw error
    }
  }

  nudge(): void {
    this.#delivery?.wake()
    this.#changed()
  }

  async stop(): Promise<void> {
    clearTimeout(this.#damagedTimer)
    this.#limiter.stop()
    this.#changed.stop()
    clearTimeout(this.#proposing)
    this.#logNotReported.end()
    this.#nudgeOthers.stop()
    this.#stopping.abort()
    await this.#delivery?.stop(true)
    this.#readers.close()
    this.#ledger.close()
    this.#limited.end()
    this.#limitedNotices.end()
  }

  readonly requests = {
    files: async (query: Input<'files'>) => {
      const destination = this.#destinationId()
      const destinations = query.destinations ?? (destination === null ? [] : [destination])
      return this.#openLedger().files(destinations, query)
    },
    retry: async ({ source, file }: Input<'retry'>) => {
      const destination = this.#destinationId()
      if (destination === null) return { files: 0 }
      const ledger = this.#openLedger()
      const files =
        file === undefined
          ? await unparkAll(ledger, destination, source)
          : Number(ledger.unparkRow(destination, file))
      this.nudge()
      return { files }
    },
    test: async ({ destination, secrets, stage }: Input<'test'>) => {
      const identity = await loadIdentity(ready(this.#config).identityDirectory)
      const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(TEST_MS)])
      return testDestination(destination, { identity, name: ownName(), secrets, stage, signal })
    },
    metrics: async () => {
      const destination = this.#destinationId()
      const sources = this.#applied?.sources.map(({ id }) => id) ?? []
      const oldestWaitingAt =
        destination === null ? null : this.#ledger.waiting(destination, sources).oldestWaitingAt
      return { oldestWaitingAt, delays: this.#delays.read() }
    },
    planHealing: async ({ others, after }: Input<'planHealing'>) =>
      this.#delivery?.planHealing(others, after) ?? null,
    heal: async ({ directory, files }: Input<'heal'>) => {
      const healing: { result: HealedFiles | null; bytes: number } = { result: null, bytes: 0 }
      this.#healing = healing
      void ready(this.#delivery)
        .heal(directory, files, (bytes) => {
          healing.bytes += bytes
        })
        .then((result) => {
          healing.result = result
          this.#lookForDamaged()
        })
      return {}
    },
    healed: async () => ready(this.#healing),
    prove: async (limits: Input<'prove'>) => ({ started: ready(this.#delivery).prove(limits) }),
    release: async () => {
      const destination = ready(this.#config).destination
      if (destination?.kind === 'folder') await whenFolderClosed(destination)
      return {}
    },
    pair: async ({ code, name }: Input<'pair'>) => {
      const identity = await loadIdentity(ready(this.#config).identityDirectory)
      this.#changed()
      return pairWithReceiver(code, name, identity, this.#stopping.signal)
    },
  }

  /** Opens the ledger unless it is open. @throws UserError agent.workerAway before the first configuration */
  #openLedger(): Ledger {
    return this.#ledger.use(ready(this.#config).ledgerPath)
  }

  async #carryOut(next: Config): Promise<void> {
    const before = this.#applied
    this.#config = next
    this.#identity ??= await loadIdentity(next.identityDirectory)
    const on = this.#openLedger()
    // Only a source that was removed while this process runs is deleted: an empty configuration deletes none.
    const knownNow = new Set(getKnownSourceIds(next))
    for (const id of before === null ? [] : getKnownSourceIds(before)) {
      if (knownNow.has(id)) continue
      this.#forget(on, id)
    }
    const own = next.destination
    const isAnother = before === null || this.#startProblem !== null || !sameDelivery(before, next)
    if (isAnother) {
      this.#closeDelivery()
      this.#startDelivery(next, on, this.#identity)
    }
    this.#startProblem = null
    this.#applied = next
    const { shares, ...timetable } = next.limit
    this.#limiter.configure(timetable, shares)
    this.#applySources()
    this.#lookForDamaged()
    if (own !== null) this.#bringIn(on, isAnother ? null : before, next, own.id)
    this.#sendDecision()
    this.#changed()
  }

  /** Handles the receiver's message about proposed settings. It repeats a proposal until it has the decision. */
  #onProposal(proposal: Proposal | null, decide: (decision: Decision) => void): void {
    this.#undecided = proposal === null ? null : { id: proposal.id, decide }
    if (this.#sendDecision()) return
    this.#proposal = proposal
    this.#changed()
  }

  /** Returns the receiver's last message about proposed settings if a report is due now. */
  #takeProposal(): Report['proposal'] {
    const proposal = this.#proposal
    if (proposal == null) {
      this.#proposal = undefined
      return proposal
    }
    const now = performance.now()
    const waitMs = this.#proposedAtMs + PROPOSAL_EVERY_MS - now
    clearTimeout(this.#proposing)
    if (waitMs > 0) {
      this.#proposing = setTimeout(this.#changed, waitMs)
      return undefined
    }
    this.#proposedAtMs = now
    this.#proposal = undefined
    return proposal
  }

  /** Sends the decision about the present proposal; false: there is none yet. */
  #sendDecision(): boolean {
    const decision = this.#config?.proposals?.decided ?? null
    if (decision === null || decision.id !== this.#undecided?.id) return false
    this.#undecided.decide(decision)
    this.#undecided = null
    return true
  }

  /** Deletes the ledger's rows of a source that was removed. */
  #forget(ledger: Ledger, source: string): void {
    // If the source is added again meanwhile, the remaining rows stay: its files are offered again already.
    const isGone = () => {
      const config = this.#configNow()
      return config !== null && !getKnownSourceIds(config).includes(source)
    }
    this.#runBehind(`forgetting ${source}`, () => forgetAll(ledger, source, isGone))
  }

  /** Adds the files that other destinations have of newly assigned sources. `before` null: of every source. */
  #bringIn(ledger: Ledger, before: Config | null, next: Config, destination: string): void {
    const isWanted = (source: string) => {
      const config = this.#configNow()
      return config?.destination?.id === destination && config.sources.some(({ id }) => id === source)
    }
    const routes = findNewRoutes(before, next, destination)
    if (routes.length === 0) return
    this.#runBehind('what other destinations had', () =>
      fillRoutes(ledger, routes, isWanted, () => this.nudge()),
    )
  }

  /** Runs work on the ledger behind the transfer, and retries it until it succeeds. */
  #runBehind(what: string, work: () => Promise<void>): void {
    void retryUntilDone(work, {
      isWanted: () => this.#configNow() !== null,
      failed: (error) => this.#log('error', `${what}: ${String(error)}`),
      longestMs: (this.#configNow()?.retrySeconds ?? 1) * 1000,
      signal: this.#stopping.signal,
    }).then(this.#changed)
  }

  /** Returns the current configuration; null after the sender was stopped. */
  #configNow(): Config | null {
    return this.#stopping.signal.aborted ? null : this.#config
  }

  #applySources(): void {
    if (this.#applied === null) return
    this.#delivery?.configure(getSources(this.#applied), this.#isPaused())
    this.#delivery?.setSamples(this.#applied.samples ?? { files: 0, bytes: 0 })
  }

  #closeDelivery(): void {
    void this.#delivery?.stop()
    this.#delivery = null
    const { state, since, problem } = this.#connection
    this.#connection = { state, since, problem }
  }

  #startDelivery(next: Config, on: Ledger, me: Identity): void {
    const destination = goingTo(next)
    if (destination === null) {
      this.#setConnection('idle', null)
      return
    }
    const changed = this.#changed
    this.#delivery = openDelivery(
      { ...next, destination },
      {
        ledger: on,
        identity: me,
        bucket: this.#limiter.bucket,
        readers: this.#readers,
        storeThread: this.#storeThread,
        status: () => this.#statusNow(),
      },
      {
        onSent: (files, now) => {
          this.#progress.sent(files, performance.now())
          this.#delays.sent(files, now)
          this.#nudgeOthers()
          changed()
        },
        onMarked: this.#nudgeOthers,
        onGone: this.#nudgeOthers,
        onBytes: (source, bytes) => {
          this.#progress.bytes(source, bytes, performance.now())
          changed()
        },
        onChange: changed,
        onState: (...now) => this.#setConnection(...now),
        onSpace: (space) => {
          this.#connection = { ...this.#connection, space }
          changed()
        },
        onNotice: (sentence) => {
          this.#limitedNotices(englishWords(sentence))
          this.#notice = sentence
          changed()
        },
        ...(next.proposals === undefined ? {} : { onProposal: (...now) => this.#onProposal(...now) }),
        log: this.#log,
      },
    )
  }

  /** Sets the state of the connection. What a session has shown stays until the next one. */
  #setConnection(
    state: Connection['state'],
    problem: Message | null,
    toItself = this.#connection.toItself,
    durable = this.#connection.durable,
  ): void {
    if (state !== this.#connection.state) {
      this.#connection = {
        state,
        since: Date.now(),
        problem,
        ...(toItself === undefined ? {} : { toItself }),
        ...(durable === undefined ? {} : { durable }),
      }
      if (problem !== null) this.#context.log('warn', englishWords(problem))
      else this.#context.log('info', `connection: ${state}`)
    } else this.#connection = { ...this.#connection, problem }
    this.#changed()
  }

  /** Returns the status of this computer and its waiting files, as sent to a receiver. */
  #statusNow(): StatusNow | null {
    const destination = this.#destinationId()
    const status = this.#config?.status
    if (this.#applied === null || status === undefined || destination === null) return null
    const sources = this.#applied.sources.map(({ id }) => id)
    return { ...status, ...this.#ledger.waiting(destination, sources) }
  }

  #lookForDamagedIn(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#lookForDamaged(), ms).unref()
  }

  /** Looks now, and regularly from then on. */
  #lookForDamaged(): void {
    if (this.#stopping.signal.aborted) return
    const destination = this.#destinationId()
    const startedAt = performance.now()
    const found = destination === null ? null : this.#ledger.countDamaged(destination)
    const ms = performance.now() - startedAt
    clearTimeout(this.#damagedTimer)
    this.#damagedTimer = this.#lookForDamagedIn(Math.max(DAMAGED_EVERY_MS, DAMAGED_SHARE * ms))
    const now = found ?? this.#damaged
    if (isDeepStrictEqual({ ...now }, this.#damaged)) return
    this.#damaged = { ...now }
    this.#changed()
  }

  /** Reports to the agent; equal reports are skipped. */
  #report(): void {
    const now = performance.now()
    const totals = this.#ledger.getTotals(this.#destinationId())
    const transfers = this.#delivery?.transfers(TRANSFERS) ?? []
    const restless = this.#delivery?.restless() ?? []
    const unfit = this.#delivery?.unfit() ?? []
    const problem = this.#problem()
    // No estimate is possible while sending is blocked.
    const isGoing =
      this.#connection.state === 'connected' && (problem === null || unfit.length > 0) && !this.#isPaused()
    if (!isGoing) this.#progress.rest()
    const { bytesPerSecond } = this.#limiter
    const excluded = [...restless.map((file) => ({ ...file, count: 1 })), ...unfit]
    const left = isGoing ? this.#progress.left({ totals, transfers, excluded, now, bytesPerSecond }) : null
    const proposal = this.#takeProposal()
    const { samples, proofRound } = this.#delivery ?? {}
    const report: Report = {
      fingerprint: this.#identity?.fingerprint ?? null,
      connection: { ...this.#connection, problem },
      totals,
      lastFile: this.#ledger.getNewestFiles(this.#destinationId()),
      nextDue: this.#ledger.getNextDue(this.#destinationId()),
      transfers,
      rates: this.#progress.rates.current(now),
      left: left?.bySource ?? {},
      leftOfAll: left?.ofAll ?? null,
      ...(restless.length === 0 ? {} : { restless: restless.slice(0, TRANSFERS) }),
      ...(unfit.length === 0 ? {} : { unfit }),
      ...(this.#notice === null ? {} : { notice: this.#notice }),
      ...(proposal === undefined ? {} : { proposal }),
      ...(this.#damaged.files === 0 ? {} : { damaged: this.#damaged }),
      ...(samples == null ? {} : { samples }),
      ...(proofRound == null ? {} : { proofRound }),
    }
    this.#notice = null
    const isSending = Object.keys(report.rates).length > 0 || report.leftOfAll !== null || restless.length > 0
    const text = JSON.stringify(report)
    if (text !== this.#lastReport) this.#context.report(report)
    this.#lastReport = text
    // Values change with time while files are sent; a ledger that fails is read again until it succeeds.
    if (isSending || this.#ledger.problem !== null) this.#changed()
  }

  #problem(): Message | null {
    const { state, problem } = this.#connection
    const ofDelivery = state === 'connected' ? (this.#delivery?.problem ?? null) : problem
    return this.#startProblem ?? ofDelivery ?? this.#ledger.problem
  }

  #isPaused(): boolean {
    return this.#applied?.paused === true || this.#limiter.allowance.kind === 'pause'
  }

  #destinationId(): string | null {
    return this.#config?.destination?.id ?? null
  }
}

/** Returns a part that exists only after the first configuration was applied. @throws UserError agent.workerAway */
function ready<T>(part: T | null): T {
  if (part === null) throw new UserError('agent.workerAway', { worker: 'sender' })
  return part
}

/** Returns the sources with their folder names made valid, as receivers get them. */
const getSources = ({ sources }: Config) =>
  sources.map((source) => ({ ...source, name: folderName(source.name) }))

/** Returns the ids of all sources of the settings. */
const getKnownSourceIds = (config: Config): string[] => config.known ?? config.sources.map(({ id }) => id)

/** Returns the routes of sources that are new to the destination `to`, or share it with others than before. */
function findNewRoutes(before: Config | null, next: Config, to: string): Route[] {
  const getOthersKey = ({ alsoTo = [] }: Config['sources'][number]) => JSON.stringify(alsoTo)
  const known = new Map(before?.sources.map((one) => [one.id, getOthersKey(one)]))
  return next.sources
    .filter((one) => known.get(one.id) !== getOthersKey(one))
    .map(({ id, alsoTo = [], groupWriteMark }) => ({ source: id, to, others: alsoTo, marks: groupWriteMark }))
}

/** Holds the ledger, which stays open as long as the sender runs. */
function holdLedger(log: (level: LogLevel, text: string) => void) {
  let held: { open: Ledger; guard: LedgerGuard } | null = null
  /** The last totals that could be read; used while the ledger is unreadable. */
  let last: { destination: string; totals: Record<string, Totals> } | null = null
  const readTotals = (destination: string): Record<string, Totals> => {
    const read = held?.guard.read(() => held?.open.totals(destination))
    if (read != null) last = { destination, totals: read }
    return last?.destination === destination ? last.totals : {}
  }
  return {
    /** Null before the first configuration, and if the ledger could not be opened. */
    get open() {
      return held?.open ?? null
    },
    /** Opens the ledger unless it is open. */
    use(file: string): Ledger {
      if (held !== null) return held.open
      const open = openOrExplain(file)
      if (open.notice !== null) log('warn', englishWords(open.notice))
      held = { open, guard: createLedgerGuard(file, { onChange: () => undefined, log }) }
      return open
    },
    /** Totals by source; empty for null. */
    getTotals: (destination: string | null) => (destination === null ? {} : readTotals(destination)),
    getNextDue: (destination: string | null) =>
      (destination === null ? null : held?.guard.read(() => held?.open.nextDue(destination, Date.now()))) ??
      {},
    getNewestFiles: (destination: string | null) =>
      (destination === null ? null : held?.guard.read(() => held?.open.newestFiles(destination))) ?? {},
    countDamaged: (destination: string) =>
      held?.guard.read(() => held?.open.countDamaged(destination)) ?? null,
    /** Returns how many files of these sources wait for a destination, and since when; see Ledger.oldestWaiting. */
    waiting(destination: string, sources: readonly string[]) {
      const totals = readTotals(destination)
      const waitingFiles = sources.reduce((sum, id) => sum + (totals[id]?.waitingFiles ?? 0), 0)
      const oldest = held?.guard.read(() => held?.open.oldestWaiting(destination, sources))
      return { waitingFiles, oldestWaitingAt: oldest ?? null }
    },
    /** The reason why the last read of the ledger failed, or null. */
    get problem() {
      return held?.guard.problem ?? null
    },
    close: () => held?.open.close(),
  }
}
