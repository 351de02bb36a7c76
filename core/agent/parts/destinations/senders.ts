import { ignoreError } from '../../../dropped-errors.ts'
import { LATE, withTimeout } from '../../../lib/async/timing.ts'
import { UserError } from '../../../lib/i18n/user-error.ts'
import type {
  RequestInput,
  RequestName,
  RequestOutput,
  WorkerReport,
} from '../../../lib/workers/definition.ts'
import { senderDefinition } from '../../../send/sender-messages.ts'
import type { AgentServices, Part } from '../../services.ts'
import { isHeld } from '../../state/derived.ts'
import { withSender, withSent } from '../../state/next-state.ts'
import type { AppState, DestinationState } from '../../state/schema.ts'
import { buildOwnStatus } from '../../state/status.ts'
import { concernsSenders, destinationsNow, senderConfigs } from '../../workers/configs.ts'
import { SupervisedWorker } from '../../workers/supervisor.ts'
import type { Proposals } from '../proposals/proposals.ts'

type Definition = typeof senderDefinition

/** Interval for checking whether receivers need a newer status of this computer. */
const PUBLISH_EVERY_MS = 5_000
/** Interval between two restarts of a sender whose destination is reached by another connection. */
const REACHED_EVERY_MS = 10_000
/** Prometheus waits ten seconds for all figures of an agent. */
const METRICS_WITHIN_MS = 5_000
/** Limit of the given-up files that are listed. */
const MOST_LISTED = 20

/** By the ids of the destinations. */
export type SenderMetrics = Record<string, RequestOutput<Definition, 'metrics'>>

/** Returns the number of given-up files for each destination. */
const countParked = (destinations: AppState['destinations']) =>
  destinations.map(({ id, totals }) => `${id} ${totals.parkedFiles}`).join(' ')

type Services = Pick<
  AgentServices,
  | 'checker'
  | 'scanner'
  | 'settings'
  | 'secrets'
  | 'layout'
  | 'host'
  | 'store'
  | 'notices'
  | 'log'
  | 'proxy'
  | 'permittedSettings'
> & {
  proposals: Pick<Proposals, 'findDecision' | 'receive'>
}

/**
 * Runs a sender process for each destination that has sources, so that a hung or absent destination does not block
 * others. The first destination always has one: it pairs, answers ledger requests, and forgets removed sources.
 */
export class SenderWorkers implements Part {
  readonly #agent: Services
  /** Includes stopped workers: a destination that is used again must not get two processes at once. */
  readonly #workers = new Map<string, SupervisedWorker<Definition>>()
  #running: string[] = []
  #isStopped = false
  /** The status last sent to the receivers, and its time by the monotonic clock. */
  #published: ReturnType<typeof buildOwnStatus>
  #publishedAtMs = 0
  /** When a sender was last restarted by `reached`, by its destination and the monotonic clock. */
  readonly #reachedAtMs = new Map<string, number>()
  /** The counts for which files are listed or requested. */
  #listed = ''

  constructor(agent: Services) {
    this.#agent = agent
    this.#published = buildOwnStatus(agent.store.state, Date.now())
  }

  /** Passes new configurations to the senders. Stops senders that have nothing left to send. */
  apply(): void {
    const { store, secrets, layout, host } = this.#agent
    // A report that arrives during the shutdown must not restart a worker.
    if (this.#isStopped || host.kind === 'command') return
    const settings = this.#agent.permittedSettings()
    const configs = senderConfigs(settings, layout, {
      ...destinationsNow(store.state.destinations),
      computerName: host.computerName,
      isHeld: isHeld(store.state),
      secrets: secrets.get(),
      proxy: this.#agent.proxy(),
      status: this.#published,
      findDecision: this.#agent.proposals.findDecision,
    })
    const wanted = [...configs].filter(([, { sources }], index) => index === 0 || sources.length > 0)
    const ids = wanted.map(([id]) => id)
    for (const id of this.#running) if (!ids.includes(id)) void this.#workers.get(id)?.stop()
    this.#running = ids
    // The folder on this computer, to which files go as long as there is no destination, needs no process without files.
    const isNeeded = settings.destinations.length + settings.sources.length > 0
    for (const [id, config] of wanted) this.#getWorker(id).configure(config, isNeeded)
  }

  tick(): void {
    if (performance.now() - this.#publishedAtMs >= PUBLISH_EVERY_MS) this.#publishStatus()
  }

  /** Sends this computer's status to the receivers, which can report it after a crash here. */
  #publishStatus(): void {
    this.#publishedAtMs = performance.now()
    const status = buildOwnStatus(this.#agent.store.state, Date.now())
    if (JSON.stringify(status) === JSON.stringify(this.#published)) return
    this.#published = status
    this.apply()
  }

  /** Restarts a sender, so that it retries at once under the new circumstances. */
  restart(id: string): void {
    this.#workers.get(id)?.restart()
  }

  /** Restarts the sender of an unreachable destination, since another connection to it works. */
  reached(id: string): void {
    const isAway = this.#agent.store.state.destinations.some(
      (one) => one.id === id && one.connection.state === 'unreachable' && one.worker.condition === 'running',
    )
    // The new process needs a while to report a state.
    const isRecent =
      performance.now() - (this.#reachedAtMs.get(id) ?? Number.NEGATIVE_INFINITY) < REACHED_EVERY_MS
    if (!isAway || isRecent) return
    this.#reachedAtMs.set(id, performance.now())
    this.restart(id)
  }

  /** Resolves when a sender has closed its ejected folder. */
  async release(id: string): Promise<void> {
    if (!this.#running.includes(id)) return
    await this.#getWorker(id)
      .request('release', {})
      .catch(ignoreError('a sender that has ended has no file open'))
  }

  nudge(): void {
    for (const id of this.#running) this.#getWorker(id).nudge()
  }

  /** Sends a request to the first sender, which has the whole ledger and this computer's certificate. */
  async request<N extends RequestName<Definition>>(
    name: N,
    input: RequestInput<Definition, N>,
  ): Promise<RequestOutput<Definition, N>> {
    const [first] = this.#running
    if (first === undefined) throw new UserError('agent.workerAway', { worker: 'sender' })
    return this.#getWorker(first).request(name, input)
  }

  /** Sends a request to the sender of one destination. */
  async requestOf<N extends RequestName<Definition>>(
    id: string,
    name: N,
    input: RequestInput<Definition, N>,
  ): Promise<RequestOutput<Definition, N>> {
    if (!this.#running.includes(id)) throw new UserError('agent.workerAway', { worker: 'sender' })
    return this.#getWorker(id).request(name, input)
  }

  /** Sends a request to all running senders. Skips failures unless all fail. */
  async requestAll<N extends RequestName<Definition>>(
    name: N,
    input: RequestInput<Definition, N>,
  ): Promise<RequestOutput<Definition, N>[]> {
    const answers = await Promise.allSettled(
      this.#running.map((id) => this.#getWorker(id).request(name, input)),
    )
    const given = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
    const failed = answers.find((answer) => answer.status === 'rejected')
    if (given.length === 0 && failed !== undefined) throw failed.reason
    return given
  }

  /**
   * Returns the figures of each sender, by its destination. Omits a sender that does not answer in time, and starts
   * none that rests.
   */
  async metrics(): Promise<SenderMetrics> {
    const { settings } = this.#agent.store.state
    const busy = settings.sources.length === 0 ? [] : this.#running
    const answers = busy.map(async (id) => {
      const noAnswer = ignoreError('the figures of a sender that starts again are in the next answer', LATE)
      const asked = this.#getWorker(id).request('metrics', {}).catch(noAnswer)
      return [id, await withTimeout(METRICS_WITHIN_MS, asked)] as const
    })
    const all = await Promise.all(answers)
    return Object.fromEntries(all.flatMap(([id, answer]) => (answer === LATE ? [] : [[id, answer]])))
  }

  async end(): Promise<void> {
    this.#publishStatus()
    this.#isStopped = true
    await Promise.all([...this.#workers.values()].map((worker) => worker.stop()))
  }

  #getWorker(id: string): SupervisedWorker<Definition> {
    const known = this.#workers.get(id)
    if (known !== undefined) return known
    const { store, host, scanner, log } = this.#agent
    const worker = new SupervisedWorker(senderDefinition, host.starter, {
      progress: ({ totals }) => Object.values(totals).reduce((sum, { sentFiles }) => sum + sentFiles, 0),
      report: (report) => {
        // Late reports of a sender that is being stopped are outdated.
        if (this.#running.includes(id)) this.#reported(id, report)
      },
      condition: (condition) => store.update(withSender(store.state, id, condition)),
      // Files were sent, or have gone: the scanner may mark a batch as sent.
      nudge: () => scanner.nudge(),
      log,
    })
    this.#workers.set(id, worker)
    return worker
  }

  #reported(destination: string, report: WorkerReport<Definition>): void {
    const { store, notices, checker } = this.#agent
    if (report.notice !== undefined) notices.add(`session ${destination}`, report.notice)
    if (report.proposal !== undefined) this.#agent.proposals.receive(destination, report.proposal)
    const { destinations: before } = store.state
    store.update(withSent(store.state, destination, report))
    this.#listParked()
    const isAway = ({ id, connection: { problem } }: DestinationState) =>
      id === destination && problem?.key === 'transfer.notMounted'
    // The disk's check reports the failure, and might not be due for an hour.
    if (store.state.destinations.some(isAway) && !before.some(isAway))
      checker
        .request('checkNow', { ids: [destination] })
        .catch(ignoreError('a checker that starts again checks all'))
    // Senders need each other's state: they share the bandwidth, and delete files only together.
    if (concernsSenders(before, store.state.destinations)) this.apply()
  }

  /** Lists the given-up files, each of which a person has to handle. */
  #listParked(): void {
    const { store } = this.#agent
    const counts = countParked(store.state.destinations)
    if (counts === this.#listed) return
    this.#listed = counts
    const destinations = store.state.destinations.map(({ id }) => id)
    const question = {
      source: null,
      state: 'parked' as const,
      before: null,
      limit: MOST_LISTED,
      destinations,
    }
    this.request('files', question).then(
      ({ files }) => store.update({ parked: files }),
      // The next report retries: the first sender may not be configured yet.
      () => {
        this.#listed = ''
      },
    )
  }
}
