import type { Totals } from '../../ledger/ledger-messages.ts'
import { createRates } from '../../lib/async/rates.ts'
import { createTimeLeft, type TimeLeft } from '../../lib/async/time-left.ts'
import { DELAY_SECONDS, type Transfer, type UnfitFiles } from '../sender-messages.ts'

interface Waiting {
  totals: Record<string, Totals>
  transfers: readonly Transfer[]
  /** Files that keep changing or do not fit: their sending time is unknown, so the estimate excludes them. */
  excluded?: readonly UnfitFiles[]
  now: number
  /** The rate limit in bytes a second; null: no limit. */
  bytesPerSecond: number | null
}

/** Counts files by the time from their last change to their being durable, by this computer's clock. */
export function createDelays() {
  const counts = new Array<number>(DELAY_SECONDS.length + 1).fill(0)
  let seconds = 0
  return {
    /** @param now milliseconds since 1970 */
    sent(files: readonly { ctimeNs: bigint }[], now: number): void {
      for (const { ctimeNs } of files) {
        const delay = Math.max(0, now - Number(ctimeNs / 1_000_000n)) / 1000
        const bucket = DELAY_SECONDS.findIndex((bound) => delay <= bound)
        const index = bucket === -1 ? DELAY_SECONDS.length : bucket
        counts[index] = (counts[index] ?? 0) + 1
        seconds += delay
      }
    },
    /** Returns the files of each bucket, the last one without a bound, and the sum of all delays. */
    read: () => ({ counts: [...counts], seconds }),
  }
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
    /** Discards the measurements while sending is blocked, because they do not predict the time after it. */
    rest(): void {
      all.rest()
      etas.clear()
    },
    /** Returns the milliseconds left by source id, where an estimate exists, and for all sources together. */
    left({ totals, transfers: allTransfers, excluded: allExcluded = [], now, bytesPerSecond }: Waiting) {
      const keys = new Set(allExcluded.map(({ source, path }) => `${source}/${path}`))
      const transfers = allTransfers.filter(({ source, path }) => !keys.has(`${source}/${path}`))
      const estimateMs = (
        eta: TimeLeft,
        waiting: Totals[],
        underWay: readonly Transfer[],
        excluded: readonly UnfitFiles[],
      ): number | null => {
        const files =
          sum(waiting.map(({ waitingFiles }) => waitingFiles)) - sum(excluded.map(({ count }) => count))
        const alreadySent = sum(underWay.map(({ sentBytes }) => sentBytes))
        const excludedBytes = sum(excluded.map(({ size, count }) => size * count))
        const bytes = sum(waiting.map(({ waitingBytes }) => waitingBytes)) - alreadySent - excludedBytes
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
          allExcluded.filter((one) => one.source === source),
        )
        if (ms !== null) bySource[source] = ms
      }
      return { bySource, ofAll: estimateMs(all, Object.values(totals), transfers, allExcluded) }
    },
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)
