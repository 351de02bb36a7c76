import type { Totals } from '../../ledger/ledger-messages.ts'
import { createTimeLeft, type TimeLeft } from '../../lib/async/time-left.ts'
import type { RestlessFile, Transfer } from '../sender-messages.ts'

/** A rate is the mean over this many seconds. */
const WINDOW_SECONDS = 3

interface Waiting {
  totals: Record<string, Totals>
  transfers: readonly Transfer[]
  /** Files that keep changing: their sending time is unknown, so the estimate excludes them. */
  restless?: readonly Pick<RestlessFile, 'source' | 'path' | 'size'>[]
  now: number
  /** The rate limit in bytes a second; null: no limit. */
  bytesPerSecond: number | null
}

/** Measures the send rate and estimates the time left. Times are in milliseconds of any monotonic clock. */
export function createProgress() {
  const rates = createRates()
  const all = createTimeLeft()
  const etas = new Map<string, TimeLeft>()
  const getEta = (source: string): TimeLeft => {
    const eta = etas.get(source) ?? createTimeLeft()
    etas.set(source, eta)
    return eta
  }

  return {
    rates,
    bytes(source: string, count: number, now: number): void {
      rates.add(source, count, now)
      for (const eta of [all, getEta(source)]) eta.bytes(count, now)
    },
    /** These files became durable. */
    sent(files: readonly { source: string }[], now: number): void {
      all.files(files.length, now)
      for (const { source } of files) getEta(source).files(1, now)
    },
    /** Sending is blocked now. */
    rest(): void {
      all.rest()
      etas.clear()
    },
    /** Returns the milliseconds left by source id, where an estimate exists, and for all sources together. */
    left({ totals, transfers: onLineNow, restless = [], now, bytesPerSecond }: Waiting) {
      const isRestless = new Set(restless.map(({ source, path }) => `${source}/${path}`))
      const transfers = onLineNow.filter(({ source, path }) => !isRestless.has(`${source}/${path}`))
      const estimateMs = (
        eta: TimeLeft,
        waiting: Totals[],
        under: readonly Transfer[],
        without: readonly { size: number }[],
      ): number | null => {
        const files = waiting.reduce((sum, { waitingFiles }) => sum + waitingFiles, -without.length)
        // Bytes already sent of files under way are not sent again.
        const onLine = under.reduce((sum, { sentBytes }) => sum + sentBytes, 0)
        const off = without.reduce((sum, { size }) => sum + size, onLine)
        const bytes = waiting.reduce((sum, { waitingBytes }) => sum + waitingBytes, -off)
        return files <= 0 ? null : eta.left({ files, bytes: Math.max(0, bytes) }, now, bytesPerSecond)
      }
      const bySource: Record<string, number> = {}
      for (const [source, eta] of etas) {
        const own = totals[source]
        if (own === undefined) {
          etas.delete(source)
          continue
        }
        const mine = transfers.filter((transfer) => transfer.source === source)
        const ms = estimateMs(
          eta,
          [own],
          mine,
          restless.filter((one) => one.source === source),
        )
        if (ms !== null) bySource[source] = ms
      }
      return { bySource, ofAll: estimateMs(all, Object.values(totals), transfers, restless) }
    },
  }
}

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
        let sum = 0
        for (const [second, bytes] of buckets) {
          if (second * 1000 <= now - WINDOW_SECONDS * 1000) buckets.delete(second)
          else sum += bytes
        }
        if (buckets.size === 0) seconds.delete(source)
        else rates[source] = sum / WINDOW_SECONDS
      }
      return rates
    },
  }
}
