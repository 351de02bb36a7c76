import path from 'node:path'
import { message } from '../lib/i18n/message.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import type { RequestInput, RequestName, RequestOutput } from '../lib/workers/definition.ts'
import {
  BEGUN,
  type LibrarySettings,
  type RestoreReport,
  restorerDefinition,
} from '../restore/restore-messages.ts'
import { embeddedDestination, namedDestination } from '../settings/destinations.ts'
import type { Agent } from './agent.ts'
import type { RestoreStart } from './contract.ts'
import { SupervisedWorker } from './workers/supervisor.ts'

type Definition = typeof restorerDefinition

/** The computer whose files are requested; default: this one. */
interface Asked {
  destination: string
  computer?: string | null | undefined
}

type ToStart = RestoreStart & { only?: string[] }

const NOTICE = 'restore'
/** Delay before an unused restorer process stops. */
const IDLE_MS = 120_000

/** Lists destinations and restores files, by a process that runs only while it is needed. */
export class Restores {
  readonly #agent: Agent
  readonly #worker: SupervisedWorker<Definition>
  #idleTimer: NodeJS.Timeout | null = null
  /** The last request; null after it has ended without files left unreplaced. */
  #lastRequest: ToStart | null = null

  constructor(agent: Agent) {
    this.#agent = agent
    this.#worker = new SupervisedWorker(restorerDefinition, agent.host.starter, {
      report: (report) => this.#reported(report),
      nudge: () => undefined,
      log: agent.log,
      condition: ({ condition }) => {
        if (condition === 'restarting' || condition === 'failed') this.#ended()
      },
    })
  }

  /** @throws UserError if the destination cannot be listed */
  async ask<N extends Exclude<RequestName<Definition>, 'start' | 'stop'>>(
    name: N,
    { destination, computer = null }: Asked,
    input: Omit<RequestInput<Definition, N>, 'from'>,
  ): Promise<RequestOutput<Definition, N>> {
    this.#keepRunning()
    const from = this.#from(destination, computer, null)
    return this.#worker.request(name, { ...input, from } as RequestInput<Definition, N>)
  }

  /** @throws UserError if a restore is running, or the destination does not exist */
  async start(asked: ToStart, overwrite = false): Promise<void> {
    const { destination, computer = null, folder, path: file, version, at, to, identity, only } = asked
    const { store, notices } = this.#agent
    if (store.state.restore?.phase === 'running') throw new UserError('restore.running')
    if (!path.isAbsolute(to)) throw new UserError('refuse.relative', { path: to })
    this.#keepRunning()
    const from = this.#from(destination, computer, identity ?? null)
    const choice = { folder, path: file, version, at }
    notices.dismiss(NOTICE)
    this.#lastRequest = asked
    store.update({ restore: { ...BEGUN, destination, to, startedAt: Date.now() } })
    try {
      await this.#worker.request('start', { from, choice, destination: to, overwrite, only })
    } catch (error) {
      store.update({ restore: null })
      throw error
    }
  }

  /** Repeats the last restore and replaces the files that it left alone. */
  async replace(): Promise<void> {
    if (this.#lastRequest !== null) await this.start(this.#lastRequest, true)
  }

  async stop(): Promise<void> {
    if (this.#agent.store.state.restore?.phase === 'running') await this.#worker.request('stop', {})
  }

  end(): Promise<void> {
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer)
    return this.#worker.stop()
  }

  #from(id: string, computer: string | null, key: string | null): LibrarySettings {
    const { layout, settings, secrets, host } = this.#agent
    const own = embeddedDestination(layout, host.computerName)
    const destination = namedDestination([own, ...settings.get().destinations], id)
    return {
      destination,
      secrets: secrets.get()[destination.id] ?? {},
      identityDirectory: layout.identity,
      name: host.computerName,
      computer,
      key,
    }
  }

  /** Starts the process if it is not running. It stops after a while without requests. */
  #keepRunning(): void {
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer)
    this.#idleTimer = setTimeout(() => this.#stopIfIdle(), IDLE_MS)
    this.#idleTimer.unref()
    this.#worker.configure({})
  }

  #stopIfIdle(): void {
    if (this.#agent.store.state.restore?.phase === 'running') this.#keepRunning()
    else void this.#worker.stop()
  }

  #reported(report: RestoreReport): void {
    const { store, notices } = this.#agent
    const before = store.state.restore
    if (before === null || before.phase !== 'running') return
    store.update({ restore: { ...before, ...report } })
    if (report.phase === 'running') return
    const { restored, same, kept, failed, sentence } = report
    if (kept === 0) this.#lastRequest = null
    if (report.phase === 'stopped') return
    const { to } = before
    const well = { path: to, count: restored + same }
    if (report.phase === 'failed' && sentence !== null) notices.add(NOTICE, sentence)
    else if (failed > 0)
      notices.add(NOTICE, message('restore.doneInPart', { path: to, count: failed + kept }))
    else if (kept > 0) notices.add(NOTICE, message('restore.doneKept', { ...well, kept }))
    else notices.add(NOTICE, message('restore.done', well))
  }

  /** Handles a process that ended during a restore. Files restored so far are complete. */
  #ended(): void {
    const { restore } = this.#agent.store.state
    if (restore?.phase !== 'running') return
    this.#reported({ ...restore, phase: 'failed', rate: 0, left: null, sentence: message('restore.ended') })
  }
}
