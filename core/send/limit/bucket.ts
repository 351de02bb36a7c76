/** What may go at once after a rest, in seconds of the rate: the line is used evenly at this scale. */
const BURST_SECONDS = 0.1
/** Below this a dose costs more in packets than it moves. */
const LEAST_BURST_BYTES = 1_500

/**
 * A token bucket: hands out permission for bytes, so many a second over all who ask. Times are in milliseconds
 * of any steady clock.
 */
export interface Bucket {
  /** null: no limit. */
  readonly bytesPerSecond: number | null
  /** Takes effect at once, also for those who wait already. */
  setRate(bytesPerSecond: number | null): void
  /** How many of the wanted bytes may go now. */
  take(wanted: number, now: number): number
  /** After how many milliseconds it is worth asking again for so many bytes. */
  waitMs(wanted: number, now: number): number
  /** Hears of each change of the rate; the function that is given back ends it. */
  watch(onChange: () => void): () => void
}

export function createBucket(): Bucket {
  let rate: number | null = null
  let tokens = 0
  let filledAt: number | null = null
  const watchers = new Set<() => void>()

  const burst = (perSecond: number) => Math.max(LEAST_BURST_BYTES, perSecond * BURST_SECONDS)

  const fill = (perSecond: number, now: number) => {
    const passed = filledAt === null ? 0 : Math.max(0, now - filledAt)
    tokens = Math.min(burst(perSecond), tokens + (passed / 1000) * perSecond)
    filledAt = now
  }

  return {
    get bytesPerSecond() {
      return rate
    },
    setRate(next) {
      if (next === rate) return
      rate = next
      if (rate === null) filledAt = null
      tokens = rate === null ? 0 : Math.min(tokens, burst(rate))
      for (const onChange of watchers) onChange()
    },
    take(wanted, now) {
      if (rate === null) return wanted
      fill(rate, now)
      const granted = Math.min(wanted, Math.floor(tokens))
      tokens -= granted
      return granted
    },
    waitMs(wanted, now) {
      if (rate === null) return 0
      fill(rate, now)
      // Half a burst at a time: a timer that comes late then loses nothing of the rate.
      const missing = Math.min(wanted, burst(rate) / 2) - tokens
      return Math.max(0, (missing / rate) * 1000)
    },
    watch(onChange) {
      watchers.add(onChange)
      return () => void watchers.delete(onChange)
    },
  }
}
