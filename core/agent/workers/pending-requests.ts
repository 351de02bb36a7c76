import { LATE, withTimeout } from '../../lib/async/with-timeout.ts'

/** Timeout of a request in milliseconds. */
const REQUEST_WITHIN_MS = 15_000

/** Requests to another process that await a response, by their numbers. */
export class PendingRequests {
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>()
  #last = 0

  /**
   * @param send sends the request with its number
   * @param silent returns the error for a timeout
   */
  async ask(send: (id: number) => void, silent: () => Error): Promise<unknown> {
    this.#last += 1
    const id = this.#last
    const answer = Promise.withResolvers<unknown>()
    this.#waiting.set(id, answer)
    try {
      send(id)
      const output = await withTimeout(REQUEST_WITHIN_MS, answer.promise)
      if (output === LATE) throw silent()
      return output
    } finally {
      this.#waiting.delete(id)
    }
  }

  answered(id: number, output: unknown): void {
    this.#waiting.get(id)?.resolve(output)
  }

  failed(id: number, error: Error): void {
    this.#waiting.get(id)?.reject(error)
  }

  /** Rejects all pending requests, because the process has ended. */
  failAll(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error)
  }
}
