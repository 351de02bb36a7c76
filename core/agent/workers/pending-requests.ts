/** How long an answer is waited for, in milliseconds. */
const REQUEST_WITHIN_MS = 15_000

interface PendingRequest {
  resolve(output: unknown): void
  reject(error: Error): void
  timer: NodeJS.Timeout
}

/** Questions to another process that wait for their answers, by their numbers. */
export class PendingRequests {
  readonly #requests = new Map<number, PendingRequest>()
  #next = 1

  /**
   * @param ask sends the question with its number.
   * @param read makes the answer what was asked for; what it throws is the promise's.
   * @param silent why there is no answer, when it takes too long.
   */
  ask<T>(ask: (id: number) => void, read: (output: unknown) => T, silent: () => Error): Promise<T> {
    const id = this.#next
    this.#next += 1
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#requests.delete(id)
        reject(silent())
      }, REQUEST_WITHIN_MS)
      this.#requests.set(id, { resolve: (output) => resolve(read(output)), reject, timer })
      ask(id)
    })
  }

  answered(id: number, output: unknown): void {
    const request = this.#take(id)
    try {
      request?.resolve(output)
    } catch (thrown) {
      request?.reject(thrown instanceof Error ? thrown : new Error(String(thrown)))
    }
  }

  failed(id: number, error: Error): void {
    this.#take(id)?.reject(error)
  }

  /** Nobody answers any more. */
  failAll(error: () => Error): void {
    for (const id of [...this.#requests.keys()]) this.failed(id, error())
  }

  #take(id: number): PendingRequest | null {
    const request = this.#requests.get(id)
    if (request === undefined) return null
    this.#requests.delete(id)
    clearTimeout(request.timer)
    return request
  }
}
