/** What may go at once after a rest, in seconds of the rate: the line is used evenly at this scale. */
const BURST_SECONDS = 0.1
/** Below this a dose costs more in packets than it moves. */
const LEAST_BURST_BYTES = 1_500
/** Shorter waits are not worth a timer. */
const LEAST_WAIT_MS = 5
/** What waits for its turn is about this much of the rate, so that a change or an end is soon felt. */
const AHEAD_SECONDS = 0.25
const LEAST_AHEAD_BYTES = 16 * 1024
const MOST_AHEAD_BYTES = 1024 * 1024

/** A token bucket: lets bytes go, so many a second over all who ask, in the order in which they ask. */
export type Bucket = ReturnType<typeof createBucket>

export interface Pace {
  /** Resolves when so many bytes may go; false: it was closed. */
  take(bytes: number): Promise<boolean>
  close(): void
}

/** How many bytes of contents should be made ready at a time under the bucket's limit. */
export function bytesAhead({ bytesPerSecond }: Pick<Bucket, 'bytesPerSecond'>): number {
  if (bytesPerSecond === null) return MOST_AHEAD_BYTES
  return Math.min(MOST_AHEAD_BYTES, Math.max(LEAST_AHEAD_BYTES, Math.round(bytesPerSecond * AHEAD_SECONDS)))
}

export function createBucket() {
  let rate: number | null = null
  let tokens = 0
  let filledAt = performance.now()
  let waiting: { left: number; done: (isOpen: boolean) => void; of: Pace }[] = []
  let timer: NodeJS.Timeout | undefined

  const burst = (perSecond: number) => Math.max(LEAST_BURST_BYTES, perSecond * BURST_SECONDS)

  /** How many of the wanted bytes may go now. */
  const grant = (wanted: number): number => {
    if (rate === null) return wanted
    const now = performance.now()
    tokens = Math.min(burst(rate), tokens + ((now - filledAt) / 1000) * rate)
    filledAt = now
    const granted = Math.min(wanted, Math.floor(tokens))
    tokens -= granted
    return granted
  }

  const run = (): void => {
    clearTimeout(timer)
    for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
      first.left -= grant(first.left)
      if (first.left === 0 || rate === null) {
        waiting.shift()
        first.done(true)
        continue
      }
      // Half a burst at a time: a timer that comes late then loses nothing of the rate.
      const missing = Math.min(first.left, burst(rate) / 2) - tokens
      timer = setTimeout(run, Math.max(LEAST_WAIT_MS, (missing / rate) * 1000))
      return
    }
  }

  const open = (): Pace => {
    let closed = false
    const pace: Pace = {
      take: (bytes) =>
        new Promise((done) => {
          if (closed || (rate === null && waiting.length === 0)) return done(!closed)
          waiting.push({ left: bytes, done, of: pace })
          if (waiting.length === 1) run()
        }),
      close() {
        closed = true
        const own = waiting.filter(({ of }) => of === pace)
        waiting = waiting.filter(({ of }) => of !== pace)
        for (const { done } of own) done(false)
        run()
      },
    }
    return pace
  }

  return {
    /** null: no limit. */
    get bytesPerSecond() {
      return rate
    },
    /** Takes effect at once, also for those who wait already. */
    setRate(next: number | null): void {
      if (next === rate) return
      if (rate === null) {
        tokens = 0
        filledAt = performance.now()
      }
      rate = next
      if (rate !== null) tokens = Math.min(tokens, burst(rate))
      run()
    },
    /** For one session. */
    open,
  }
}
