import { ALIVE_EVERY_MS } from '../../lib/workers/serve.ts'

/** A worker without a sign of life for this long is replaced. */
export const REPLACE_AFTER_MS = 4 * ALIVE_EVERY_MS
/**
 * After a gap this long between two checks, this process itself was stopped (Ctrl-Z, a blocked loop), and the
 * worker's messages are still unread.
 */
const STOOD_STILL_MS = 2 * ALIVE_EVERY_MS

/** Checks periodically whether a worker has been silent for too long. */
export class Watchdog {
  readonly #silent: (forMs: number) => void
  #aliveAt = 0
  #lookedAt = 0
  #timer: NodeJS.Timeout | null = null

  constructor(silent: (forMs: number) => void) {
    this.#silent = silent
  }

  start(): void {
    this.#lookedAt = performance.now()
    this.#timer = setInterval(() => this.#look(), ALIVE_EVERY_MS)
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }

  /** Called when the worker has started or sent a message. */
  alive(): void {
    this.#aliveAt = performance.now()
  }

  #look(): void {
    const now = performance.now()
    if (now - this.#lookedAt > STOOD_STILL_MS) this.#aliveAt = now
    this.#lookedAt = now
    const silentMs = now - this.#aliveAt
    if (silentMs > REPLACE_AFTER_MS) this.#silent(silentMs)
  }
}
