import { LATE, withTimeout } from '../../lib/async/with-timeout.ts'

/** How long an answer is waited for, in milliseconds. */
const REQUEST_WITHIN_MS = 15_000

/** Questions to another process that wait for their answers, by their numbers. */
export class PendingRequests {
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>()
  #last = 0

  /**
   * @param send sends the question with its number.
   * @param silent why there is no answer, when it takes too long.
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

  /** Nobody answers any more. */
  failAll(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error)
  }
}
