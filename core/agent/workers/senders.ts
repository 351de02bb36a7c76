import { senderDefinition } from '../../send/messages.ts'
import { Problem } from '../../words/problem.ts'
import type { ConfigOf, InputOf, OutputOf, ReportOf, RequestName } from '../../worker/definition.ts'
import type { WorkerState } from '../state/schema.ts'
import type { WorkerStarter } from './starter.ts'
import { SupervisedWorker, type SupervisionEvents } from './supervisor.ts'

type Definition = typeof senderDefinition
type Events = SupervisionEvents<Definition>
type Config = ConfigOf<Definition>

export interface SendersEvents {
  /** What the sender of one destination, by its id, says. */
  report(destination: string, report: ReportOf<Definition>): void
  condition(destination: string, state: WorkerState): void
  nudge: Events['nudge']
  log: Events['log']
}

/**
 * A sender process for each destination that has sources, so that one which hangs or is away holds up no other. The
 * first destination has one in any case: it pairs, answers for the ledger, and forgets sources that are removed.
 */
export class Senders {
  readonly #starter: WorkerStarter
  readonly #events: SendersEvents
  /** Also those that do not run now: a destination that comes back must not have two processes at once. */
  readonly #workers = new Map<string, SupervisedWorker<Definition>>()
  #running: string[] = []

  constructor(starter: WorkerStarter, events: SendersEvents) {
    this.#starter = starter
    this.#events = events
  }

  /** By the destinations' ids, in their order; one that is not there any more is stopped. */
  configure(configs: ReadonlyMap<string, Config>): void {
    const ids = [...configs.keys()]
    const wanted = ids.filter((id, index) => index === 0 || (configs.get(id)?.sources.length ?? 0) > 0)
    for (const id of this.#running) if (!wanted.includes(id)) void this.#workers.get(id)?.stop()
    this.#running = wanted
    for (const id of wanted) {
      const config = configs.get(id)
      if (config !== undefined) this.#workerOf(id).configure(config)
    }
  }

  /** The circumstances of one destination are others: it does not wait until its next attempt. */
  restart(id: string): void {
    this.#workers.get(id)?.restart()
  }

  nudge(): void {
    for (const worker of this.#active()) worker.nudge()
  }

  /** Asks the first sender: it has the ledger of all, and this computer's certificate. */
  request<N extends RequestName<Definition>>(
    name: N,
    input: InputOf<Definition, N>,
  ): Promise<OutputOf<Definition, N>> {
    const [first] = this.#active()
    return first === undefined
      ? Promise.reject(new Problem('agent.workerAway', { worker: 'sender' }))
      : first.request(name, input)
  }

  /** Asks every one that runs; those that cannot answer now are left out, unless none can. */
  async requestAll<N extends RequestName<Definition>>(
    name: N,
    input: InputOf<Definition, N>,
  ): Promise<OutputOf<Definition, N>[]> {
    const answers = await Promise.allSettled(this.#active().map((worker) => worker.request(name, input)))
    const given = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
    const failed = answers.find((answer) => answer.status === 'rejected')
    if (given.length === 0 && failed !== undefined) throw failed.reason
    return given
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#workers.values()].map((worker) => worker.stop()))
  }

  #active(): SupervisedWorker<Definition>[] {
    return this.#running.map((id) => this.#workerOf(id))
  }

  #workerOf(id: string): SupervisedWorker<Definition> {
    const known = this.#workers.get(id)
    if (known !== undefined) return known
    const worker = new SupervisedWorker(senderDefinition, this.#starter, {
      report: (report) => {
        // What one that is being stopped still says is over already.
        if (this.#running.includes(id)) this.#events.report(id, report)
      },
      condition: (state) => this.#events.condition(id, state),
      nudge: this.#events.nudge,
      log: this.#events.log,
    })
    this.#workers.set(id, worker)
    return worker
  }
}
