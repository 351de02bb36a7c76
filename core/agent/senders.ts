import { ignoreError } from '../dropped-errors.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import type { InputOf, OutputOf, ReportOf, RequestName } from '../lib/workers/definition.ts'
import { senderDefinition } from '../send/sender-messages.ts'
import type { Settings } from '../settings/schema.ts'
import type { Agent } from './agent.ts'
import type { Log } from './log.ts'
import { isHeld } from './state/derived.ts'
import { withSender, withSent } from './state/reports.ts'
import type { AppState, DestinationState } from './state/schema.ts'
import { ownStatusOf } from './state/status.ts'
import { concernsSenders, destinationsNow, senderConfigs } from './workers/configs.ts'
import { SupervisedWorker } from './workers/supervisor.ts'

type Definition = typeof senderDefinition
type Parts = Pick<Agent, 'store' | 'secrets' | 'layout' | 'host' | 'notices' | 'checker'>

/** How often it is looked whether receivers are to be told how this computer is. */
const SAY_EVERY_MS = 5_000
/** Files that were given up and are named at most. */
const MOST_NAMED = 20

/** How many files were given up, by destination. */
const parkedOf = (destinations: AppState['destinations']) =>
  destinations.map(({ id, totals }) => `${id} ${totals.parkedFiles}`).join(' ')

/**
 * A sender process for each destination that has sources, so that one which hangs or is away holds up no other. The
 * first destination has one in any case: it pairs, answers for the ledger, and forgets sources that are removed.
 */
export class SenderWorkers {
  readonly #parts: Parts
  readonly #permitted: () => Settings
  readonly #nudge: () => void
  readonly #log: Log['write']
  /** Also those that do not run now: a destination that comes back must not have two processes at once. */
  readonly #workers = new Map<string, SupervisedWorker<Definition>>()
  #running: string[] = []
  #isStopped = false
  /** What the receivers were last told of this computer, and when, by the steady clock. */
  #said: ReturnType<typeof ownStatusOf>
  #saidAtMs = 0
  /** The counts whose files are named, or asked for. */
  #named = ''

  /**
   * @param permitted the settings, with the sources that may run.
   * @param nudge there may be work for those that wait for a sender.
   */
  constructor(parts: Parts, permitted: () => Settings, nudge: () => void, log: Log['write']) {
    this.#parts = parts
    this.#permitted = permitted
    this.#nudge = nudge
    this.#log = log
    this.#said = ownStatusOf(parts.store.state)
  }

  /** One that has nothing to send any more is stopped. */
  configure(): void {
    // A report that comes while the workers end must not start one of them again.
    if (this.#isStopped) return
    const { store, secrets, layout, host } = this.#parts
    const configs = senderConfigs(this.#permitted(), layout, {
      ...destinationsNow(store.state.destinations),
      computerName: host.computerName,
      isHeld: isHeld(store.state),
      secrets: secrets.get(),
      status: this.#said,
    })
    const wanted = [...configs].filter(([, { sources }], index) => index === 0 || sources.length > 0)
    const ids = wanted.map(([id]) => id)
    for (const id of this.#running) if (!ids.includes(id)) void this.#workers.get(id)?.stop()
    this.#running = ids
    for (const [id, config] of wanted) this.#workerOf(id).configure(config)
  }

  /** Receivers are told how this computer is: who has died cannot tell it himself. */
  publishStatus(isLast = false): void {
    if (!isLast && performance.now() - this.#saidAtMs < SAY_EVERY_MS) return
    this.#saidAtMs = performance.now()
    const said = ownStatusOf(this.#parts.store.state)
    if (JSON.stringify(said) === JSON.stringify(this.#said)) return
    this.#said = said
    this.configure()
  }

  /** The circumstances of one destination are others: it does not wait until its next attempt. */
  restart(id: string): void {
    this.#workers.get(id)?.restart()
  }

  nudge(): void {
    for (const id of this.#running) this.#workerOf(id).nudge()
  }

  /** Asks the first sender: it has the ledger of all, and this computer's certificate. */
  async request<N extends RequestName<Definition>>(
    name: N,
    input: InputOf<Definition, N>,
  ): Promise<OutputOf<Definition, N>> {
    const [first] = this.#running
    if (first === undefined) throw new UserError('agent.workerAway', { worker: 'sender' })
    return this.#workerOf(first).request(name, input)
  }

  /** Asks every one that runs; those that cannot answer now are left out, unless none can. */
  async requestAll<N extends RequestName<Definition>>(
    name: N,
    input: InputOf<Definition, N>,
  ): Promise<OutputOf<Definition, N>[]> {
    const answers = await Promise.allSettled(
      this.#running.map((id) => this.#workerOf(id).request(name, input)),
    )
    const given = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
    const failed = answers.find((answer) => answer.status === 'rejected')
    if (given.length === 0 && failed !== undefined) throw failed.reason
    return given
  }

  async stop(): Promise<void> {
    this.publishStatus(true)
    this.#isStopped = true
    await Promise.all([...this.#workers.values()].map((worker) => worker.stop()))
  }

  #workerOf(id: string): SupervisedWorker<Definition> {
    const known = this.#workers.get(id)
    if (known !== undefined) return known
    const { store, host } = this.#parts
    const worker = new SupervisedWorker(senderDefinition, host.starter, {
      report: (report) => {
        // What one that is being stopped still says is over already.
        if (this.#running.includes(id)) this.#reported(id, report)
      },
      condition: (condition) => store.update(withSender(store.state, id, condition)),
      nudge: this.#nudge,
      log: this.#log,
    })
    this.#workers.set(id, worker)
    return worker
  }

  #reported(destination: string, report: ReportOf<Definition>): void {
    const { store, notices, checker } = this.#parts
    if (report.notice !== undefined) notices.add(`session ${destination}`, report.notice)
    const { destinations: before } = store.state
    store.update(withSent(store.state, destination, report))
    this.#nameParked()
    const isAway = ({ id, connection: { problem } }: DestinationState) =>
      id === destination && problem?.key === 'transfer.notMounted'
    // Its check is what tells of its disk, and may be due in an hour.
    if (store.state.destinations.some(isAway) && !before.some(isAway))
      checker
        .request('checkNow', { ids: [destination] })
        .catch(ignoreError('a checker that starts again checks all'))
    // Each hears what the others are at: they share the line, and remove files only together.
    if (concernsSenders(before, store.state.destinations)) this.configure()
  }

  /** Which files were given up: a person has to see to each of them. */
  #nameParked(): void {
    const { store } = this.#parts
    const counts = parkedOf(store.state.destinations)
    if (counts === this.#named) return
    this.#named = counts
    const destinations = store.state.destinations.map(({ id }) => id)
    const question = { source: null, state: 'parked' as const, before: null, limit: MOST_NAMED, destinations }
    this.request('files', question).then(
      ({ files }) => store.update({ parked: files }),
      // The next report asks again: the first sender may have no configuration yet.
      () => {
        this.#named = ''
      },
    )
  }
}
