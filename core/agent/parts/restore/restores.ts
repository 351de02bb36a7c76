import path from 'node:path'
import type { LibrarySettings } from '../../../backends/backend-messages.ts'
import { message } from '../../../lib/i18n/message.ts'
import { UserError } from '../../../lib/i18n/user-error.ts'
import type { RequestInput, RequestName, RequestOutput } from '../../../lib/workers/definition.ts'
import { findMount, readMounts } from '../../../platform/mounts.ts'
import { findPlaces } from '../../../restore/choose.ts'
import {
  BEGUN,
  type Conflict,
  type RestoreReport,
  restorerDefinition,
} from '../../../restore/restore-messages.ts'
import type { FolderDestination } from '../../../settings/destination-schema.ts'
import { embeddedDestination, namedDestination } from '../../../settings/destinations.ts'
import type { AgentServices, Part } from '../../services.ts'
import { describeRestore, RESTORE_NOTICE } from '../../state/derived.ts'
import { SupervisedWorker } from '../../workers/supervisor.ts'
import type { SenderWorkers } from '../destinations/senders.ts'
import type { RestoreStart } from './contract.ts'

type Definition = typeof restorerDefinition

/** The computer whose files are requested; default: this one. */
interface Asked {
  destination: string
  computer?: string | null | undefined
}

type ToStart = RestoreStart & { only?: string[] }
type Wanted = RequestInput<Definition, 'start'>['wanted'][number]

/** Failures of a source's disk with which nothing can be put back. */
const BROKEN: ReadonlySet<string> = new Set(['hung', 'stale', 'io-error', 'read-only'])

/** Creates a process that reads destinations and reports nothing by itself. */
export function createReader({
  host,
  log,
}: Pick<AgentServices, 'host' | 'log'>): SupervisedWorker<Definition> {
  const events = { report: () => undefined, nudge: () => undefined, condition: () => undefined }
  const worker = new SupervisedWorker(restorerDefinition, host.starter, { ...events, log })
  worker.configure({}, false)
  return worker
}

type Services = Pick<
  AgentServices,
  'settings' | 'secrets' | 'layout' | 'host' | 'store' | 'notices' | 'log' | 'proxy'
> & {
  senders: SenderWorkers
}

/** Lists destinations and restores files, by a process that rests while nothing is requested. */
export class Restores implements Part {
  readonly #agent: Services
  readonly #worker: SupervisedWorker<Definition>
  /** The last request; null after it has ended without files left unreplaced. */
  #lastRequest: ToStart | null = null

  constructor(agent: Services) {
    this.#agent = agent
    this.#worker = new SupervisedWorker(restorerDefinition, agent.host.starter, {
      report: (report) => this.#reported(report),
      nudge: () => undefined,
      log: agent.log,
      condition: ({ condition }) => {
        if (condition === 'restarting' || condition === 'failed') this.#ended()
      },
    })
    this.#worker.configure({}, false)
  }

  /** @throws UserError if the destination cannot be listed */
  async ask<N extends Exclude<RequestName<Definition>, 'start' | 'stop'>>(
    name: N,
    { destination, computer = null }: Asked,
    input: Omit<RequestInput<Definition, N>, 'from'>,
  ): Promise<RequestOutput<Definition, N>> {
    const from = this.getLibrarySettings(destination, computer, null)
    const answer = await this.#worker.request(name, { ...input, from } as RequestInput<Definition, N>)
    this.#agent.senders.reached(destination)
    return answer
  }

  /** Returns the directories of this computer's sources, by id; none for another computer's files. */
  listSources(computer: string | null | undefined): Record<string, string> {
    if (computer != null) return {}
    return Object.fromEntries(this.#agent.settings.get().sources.map(({ id, path: root }) => [id, root]))
  }

  /** @throws UserError if a restore is running, the destination does not exist, or files have no place to go back to */
  async start(asked: ToStart): Promise<void> {
    const { destination, computer = null, to, identity } = asked
    const { store, notices } = this.#agent
    this.#requireNone()
    if (to !== null && !path.isAbsolute(to)) throw new UserError('refuse.relative', { path: to })
    const placed = await this.#place(asked)
    this.#requireNone()
    notices.dismiss(RESTORE_NOTICE)
    this.#lastRequest = asked
    store.update({ restore: { ...BEGUN, destination, to: placed.to, startedAt: Date.now() } })
    try {
      const from = this.getLibrarySettings(destination, computer, identity ?? null)
      this.#worker.configure({}, true)
      await this.#worker.request('start', {
        from,
        wanted: placed.wanted,
        ledger: this.#agent.layout.ledger,
      })
    } catch (error) {
      this.#worker.configure({}, false)
      store.update({ restore: null })
      throw error
    }
  }

  /** Repeats the last restore for the files that it left alone. */
  async restoreKept(conflict: Conflict): Promise<void> {
    if (this.#lastRequest !== null) await this.start({ ...this.#lastRequest, conflict })
  }

  #requireNone(): void {
    if (this.#agent.store.state.restore?.phase === 'running') throw new UserError('restore.running')
  }

  /**
   * Decides where the chosen files go. `to`: see restoreStateSchema.
   * @throws UserError if a folder has no source here, or the source's disk is away.
   */
  async #place(asked: ToStart): Promise<{ to: string | null; wanted: Wanted[] }> {
    const { destination, computer = null, folder, path: file, version, at, text, to, only } = asked
    const { conflict = 'leave', missingOnly = false } = asked
    const choice = { folder, path: file, version, at, ...(text === undefined ? {} : { text }) }
    const options = { conflict, missingOnly, ...(only === undefined ? {} : { only }) }
    const name = (file ?? folder)?.split('/').at(-1)
    if (to !== null)
      return {
        to: name === undefined ? to : path.join(to, name),
        wanted: [{ choice, destination: to, placement: 'named', ...options }],
      }
    const { folders } = await this.ask('folders', { destination, computer }, {})
    const places = findPlaces(folders, folder, this.listSources(computer))
    for (const { source } of places) this.#requireDisk(source)
    const wanted = places.map(({ folder: name, directory }) => ({
      choice: { ...choice, folder: name },
      destination: directory,
      placement: 'inPlace' as const,
      ...options,
    }))
    const [first] = places
    const isOne = first !== undefined && places.length === 1
    return { to: isOne ? path.join(first.directory, file ?? '') : null, wanted }
  }

  /** @throws UserError if a source's disk is away or broken */
  #requireDisk(id: string): void {
    const source = this.#agent.store.state.sources.find(({ settings }) => settings.id === id)
    const overall = source?.checked?.overall
    if (overall === undefined) return
    // The directory underneath the mount point is on another disk.
    const isAway = overall.sentence.key === 'check.unmounted'
    if (isAway || BROKEN.has(overall.kind)) throw new UserError(overall.sentence.key, overall.sentence.params)
  }

  async stop(): Promise<void> {
    if (this.#agent.store.state.restore?.phase === 'running') await this.#worker.request('stop', {})
  }

  /** True if a restore reads from a folder or writes into it or to the same disk. */
  isRestoring({ id, path: directory }: FolderDestination): boolean {
    const { restore } = this.#agent.store.state
    if (restore?.phase !== 'running') return false
    if (restore.destination === id) return true
    // In place: a source on the same disk keeps it from being unmounted.
    if (restore.to === null) return false
    const mounts = readMounts() ?? []
    const disk = findMount(mounts, directory)
    return disk !== null && disk.point !== '/' && findMount(mounts, restore.to)?.id === disk.id
  }

  /** Closes a folder that was listed. The process that lists another destination starts again when it is needed. */
  async release(): Promise<void> {
    if (this.#agent.store.state.restore?.phase !== 'running') await this.#worker.rest()
  }

  end(): Promise<void> {
    return this.#worker.stop()
  }

  /** Returns the settings that open a destination for reading. @throws UserError refuse.ejected */
  getLibrarySettings(id: string, computer: string | null, key: string | null): LibrarySettings {
    const { layout, settings, secrets, host } = this.#agent
    const proxy = this.#agent.proxy()
    const own = embeddedDestination(layout, host.computerName)
    const destination = namedDestination([own, ...settings.get().destinations], id)
    if (destination.kind === 'folder' && destination.ejected !== undefined)
      throw new UserError('refuse.ejected', { name: destination.name })
    return {
      destination,
      secrets: secrets.get()[destination.id] ?? {},
      ...(proxy === null ? {} : { proxy }),
      identityDirectory: layout.identity,
      name: host.computerName,
      computer,
      key,
    }
  }

  #reported(report: RestoreReport): void {
    const { store, notices, senders } = this.#agent
    const before = store.state.restore
    if (before === null || before.phase !== 'running') return
    store.update({ restore: { ...before, ...report } })
    if (before.files === 0 && report.files > 0) senders.reached(before.destination)
    if (report.phase === 'running') return
    this.#worker.configure({}, false)
    const { kept, sentence } = report
    if (kept === 0) this.#lastRequest = null
    if (report.phase === 'failed' && sentence !== null) notices.add(RESTORE_NOTICE, sentence)
    else notices.add(RESTORE_NOTICE, describeRestore({ ...before, ...report }))
  }

  /** Handles a process that ended during a restore. Files restored so far are complete. */
  #ended(): void {
    const { restore } = this.#agent.store.state
    if (restore?.phase !== 'running') return
    this.#reported({ ...restore, phase: 'failed', rate: 0, left: null, sentence: message('restore.ended') })
  }
}
