import { isDeepStrictEqual } from 'node:util'
import { type NotifierConfig, notifierDefinition } from '../alerts/notifier-messages.ts'
import type { InputOf, OutputOf, ReportOf, RequestName } from '../lib/workers/definition.ts'
import type { WorkerStarter } from './workers/starter.ts'
import { SupervisedWorker, type SupervisionEvents } from './workers/supervisor.ts'

type Definition = typeof notifierDefinition

/** A person who looks through the alerts asks again before this, in milliseconds. */
const RESTS_AFTER_MS = 60_000

/** The notifier's process. It ends while it has nothing to do, which gives back 33 MiB, until it is asked again. */
export class RestingNotifier {
  readonly #worker: SupervisedWorker<Definition>
  #config: NotifierConfig | null = null
  #askedAt = performance.now()
  /** It says that it has nothing to do. */
  #isIdle = false
  #isResting = false

  constructor(starter: WorkerStarter, events: SupervisionEvents<Definition>) {
    this.#worker = new SupervisedWorker(notifierDefinition, starter, {
      ...events,
      report: (report: ReportOf<Definition>) => {
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
    input: InputOf<Definition, N>,
  ): Promise<OutputOf<Definition, N>> {
    this.#askedAt = performance.now()
    if (this.#isResting && this.#config !== null) this.#run(this.#config)
    return this.#worker.request(name, input)
  }

  /** Called again and again: it ends a minute after it was asked last. */
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
    // What it has said was said of another configuration.
    this.#isIdle = false
    this.#isResting = false
    this.#worker.configure(config)
  }
}
