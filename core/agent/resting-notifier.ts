import { isDeepStrictEqual } from 'node:util'
import { type NotifierConfig, notifierDefinition } from '../alerts/notifier-messages.ts'
import type { RequestInput, RequestName, RequestOutput, WorkerReport } from '../lib/workers/definition.ts'
import type { WorkerStarter } from './workers/starter.ts'
import { SupervisedWorker, type SupervisionEvents } from './workers/supervisor.ts'

type Definition = typeof notifierDefinition

/**
 * Delay in milliseconds before an idle notifier stops. A person browsing the alerts sends the next request sooner.
 */
const RESTS_AFTER_MS = 60_000

/**
 * Runs the notifier's process. The process stops while it is idle, which frees 33 MiB, and restarts on the next
 * request.
 */
export class RestingNotifier {
  readonly #worker: SupervisedWorker<Definition>
  #config: NotifierConfig | null = null
  #askedAt = performance.now()
  /** The notifier's last report about being idle. */
  #isIdle = false
  #isResting = false

  constructor(starter: WorkerStarter, events: SupervisionEvents<Definition>) {
    this.#worker = new SupervisedWorker(notifierDefinition, starter, {
      ...events,
      report: (report: WorkerReport<Definition>) => {
        this.#isIdle = report.isIdle ?? this.#isIdle
        events.report(report)
      },
    })
  }

  configure(config: NotifierConfig): void {
    if (isDeepStrictEqual(config, this.#config)) return
    this.#config = config
    this.#run(config)
  }

  ask<N extends RequestName<Definition>>(
    name: N,
    input: RequestInput<Definition, N>,
  ): Promise<RequestOutput<Definition, N>> {
    this.#askedAt = performance.now()
    if (this.#isResting && this.#config !== null) this.#run(this.#config)
    return this.#worker.request(name, input)
  }

  /** Called periodically. Stops an idle notifier a minute after its last request. */
  look(): void {
    if (!this.#isIdle || performance.now() - this.#askedAt < RESTS_AFTER_MS) return
    this.#isIdle = false
    this.#isResting = true
    void this.#worker.stop()
  }

  stop(): Promise<void> {
    this.#isResting = false
    return this.#worker.stop()
  }

  #run(config: NotifierConfig): void {
    // The last report was about another configuration.
    this.#isIdle = false
    this.#isResting = false
    this.#worker.configure(config)
  }
}
