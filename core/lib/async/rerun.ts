import { settled } from '../../dropped-errors.ts'
/**
 * Runs one task at a time: a request while it runs makes it run once more afterwards, however many requests
 * there were. The promise of a request ends with a run that began after the request.
 */
export class Rerun {
  readonly #task: () => Promise<void>
  readonly #failed: (error: unknown) => void
  #running: Promise<void> | null = null
  #next: Promise<void> | null = null
  #stopped = false

  /** @param failed what it throws rejects the requests that waited for this run. */
  constructor(task: () => Promise<void>, failed: (error: unknown) => void) {
    this.#task = task
    this.#failed = failed
  }

  request(): Promise<void> {
    if (this.#stopped) return Promise.resolve()
    if (this.#running === null) return this.#start()
    const over = settled(this.#running)
    this.#next ??= over.then(() => {
      this.#next = null
      return this.#stopped ? undefined : this.#start()
    })
    return this.#next
  }

  /** No further run begins. A run that is under way ends by itself. */
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
