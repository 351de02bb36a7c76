/** The largest burst after idle time, in seconds of the rate: the line is used evenly at this scale. */
const BURST_SECONDS = 0.1
/** Smaller bursts cost more in packet overhead than they move. */
const LEAST_BURST_BYTES = 1_500
/** Shorter waits are not worth a timer. */
const LEAST_WAIT_MS = 5
/** Prepared content is about this many seconds of the rate, so that a new limit or a stop takes effect soon. */
const AHEAD_SECONDS = 0.25
const LEAST_AHEAD_BYTES = 16 * 1024
const MOST_AHEAD_BYTES = 1024 * 1024

export interface RateLease {
  /** Resolves to true when this many bytes may go; false: the lease was closed. */
  take(bytes: number): Promise<boolean>
  close(): void
}

/** Returns how many bytes of content to prepare at a time under the bucket's limit. */
export function bytesAhead({ bytesPerSecond }: Pick<Bucket, 'bytesPerSecond'>): number {
  if (bytesPerSecond === null) return MOST_AHEAD_BYTES
  return Math.min(MOST_AHEAD_BYTES, Math.max(LEAST_AHEAD_BYTES, Math.round(bytesPerSecond * AHEAD_SECONDS)))
}

/** A token bucket: limits the bytes a second of all leases together, in the order of their requests. */
export class Bucket {
  #rate: number | null = null
  #tokens = 0
  #filledAt = performance.now()
  #waiting: { left: number; done: (isOpen: boolean) => void; of: RateLease }[] = []
  #timer: NodeJS.Timeout | undefined

  /** null: no limit. */
  get bytesPerSecond(): number | null {
    return this.#rate
  }

  /** Sets the rate at once, also for requests that already wait. */
  setRate(next: number | null): void {
    if (next === this.#rate) return
    if (this.#rate === null) {
      this.#tokens = 0
      this.#filledAt = performance.now()
    }
    this.#rate = next
    if (next !== null) this.#tokens = Math.min(this.#tokens, burst(next))
    this.#run()
  }

  /** Returns a lease for one session. */
  open(): RateLease {
    let closed = false
    const pace: RateLease = {
      take: (bytes) =>
        new Promise((done) => {
          if (closed || (this.#rate === null && this.#waiting.length === 0)) return done(!closed)
          this.#waiting.push({ left: bytes, done, of: pace })
          if (this.#waiting.length === 1) this.#run()
        }),
      close: () => {
        closed = true
        const own = this.#waiting.filter(({ of }) => of === pace)
        this.#waiting = this.#waiting.filter(({ of }) => of !== pace)
        for (const { done } of own) done(false)
        this.#run()
      },
    }
    return pace
  }

  #run(): void {
    clearTimeout(this.#timer)
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      first.left -= this.#grant(first.left)
      if (first.left === 0 || this.#rate === null) {
        this.#waiting.shift()
        first.done(true)
        continue
      }
      // At most half a burst at a time: a late timer then loses nothing of the rate.
      const missing = Math.min(first.left, burst(this.#rate) / 2) - this.#tokens
      const waitMs = Math.max(LEAST_WAIT_MS, (missing / this.#rate) * 1000)
      this.#timer = setTimeout(() => this.#run(), waitMs)
      return
    }
  }

  /** Returns how many of the wanted bytes may go now. */
  #grant(wanted: number): number {
    if (this.#rate === null) return wanted
    const now = performance.now()
    const filled = this.#tokens + ((now - this.#filledAt) / 1000) * this.#rate
    this.#tokens = Math.min(burst(this.#rate), filled)
    this.#filledAt = now
    const granted = Math.min(wanted, Math.floor(this.#tokens))
    this.#tokens -= granted
    return granted
  }
}

const burst = (perSecond: number): number => Math.max(LEAST_BURST_BYTES, perSecond * BURST_SECONDS)
