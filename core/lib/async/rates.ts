/** A rate is the mean over this many seconds. */
const WINDOW_SECONDS = 3

/** Bytes a second over the last seconds, by source. Times are in milliseconds of any monotonic clock. */
export function createRates() {
  const seconds = new Map<string, Map<number, number>>()
  return {
    add(source: string, bytes: number, now: number): void {
      const buckets = seconds.get(source) ?? new Map<number, number>()
      const second = Math.floor(now / 1000)
      buckets.set(second, (buckets.get(second) ?? 0) + bytes)
      seconds.set(source, buckets)
    },
    /** Returns the rates by source, only of sources that have one; deletes all others. */
    current(now: number): Record<string, number> {
      const rates: Record<string, number> = {}
      for (const [source, buckets] of seconds) {
        let recent = 0
        for (const [second, bytes] of buckets) {
          if (second * 1000 <= now - WINDOW_SECONDS * 1000) buckets.delete(second)
          else recent += bytes
        }
        if (buckets.size === 0) seconds.delete(source)
        else rates[source] = recent / WINDOW_SECONDS
      }
      return rates
    },
  }
}
