import { settled } from '../../dropped-errors.ts'

/**
 * Runs one task at a time. Requests during a run cause a single further run after it. The promise of a request resolves
 * with a run that began after the request.
 */
export class Rerun {
  readonly #task: () => Promise<void>
  readonly #failed: (error: unknown) => void
  #running: Promise<void> | null = null
  #next: Promise<void> | null = null
  #stopped = false

  /**
   * @param failed is called with the error of a run; an error that it throws rejects the requests that awaited this
   * run.
   */
  constructor(task: () => Promise<void>, failed: (error: unknown) => void) {
    this.#task = task
    this.#failed = failed
  }

  request(): Promise<void> {
    if (this.#stopped) return Promise.resolve()
    if (this.#running === null) return this.#start()
    this.#next ??= settled(this.#running).then(() => {
      this.#next = null
      return this.#stopped ? undefined : this.#start()
    })
    return this.#next
  }

  /** Prevents further runs. A current run is not cancelled. */
  stop(): void {
    this.#stopped = true
  }

  #start(): Promise<void> {
    const run = this.#task()
      .catch(this.#failed)
      .finally(() => {
        if (this.#running === run) this.#running = null
      })
    this.#running = run
    return run
  }
}
