import type { Totals } from '../../ledger/messages.ts'
import { createTimeLeft, type TimeLeft } from '../../pacing/time-left.ts'
import type { Transfer } from '../messages.ts'
import type { Rates } from './rates.ts'
import { createRates } from './rates.ts'

/** What was sent lately, and how long the rest will take. Times are in milliseconds of any steady clock. */
export interface Progress {
  bytes(source: string, count: number, now: number): void
  /** These files became durable. */
  sent(files: readonly { source: string }[], now: number): void
  rates: Pick<Rates, 'current'>
  /** Nothing can be sent now. */
  rest(): void
  /** Milliseconds by source id; only those of which something can be said. */
  left(waiting: Waiting): Record<string, number>
  /** Of all sources together. */
  leftOfAll(waiting: Waiting): number | null
}

export interface Waiting {
  totals: Record<string, Totals>
  transfers: readonly Transfer[]
  now: number
  /** What sending may use of the line; null: all of it. */
  bytesPerSecond: number | null
}

/** What is on the line already need not go again. */
const toGo = ({ waitingFiles: files, waitingBytes }: Totals, transfers: readonly Transfer[]) => {
  const under = transfers.reduce((sum, { sentBytes }) => sum + sentBytes, 0)
  return { files, bytes: Math.max(0, waitingBytes - under) }
}

export function createProgress(): Progress {
  const rates = createRates()
  const all = createTimeLeft()
  const etas = new Map<string, TimeLeft>()
  const etaOf = (source: string): TimeLeft => {
    const eta = etas.get(source) ?? createTimeLeft()
    etas.set(source, eta)
    return eta
  }

  return {
    rates,
    bytes(source, count, now) {
      rates.add(source, count, now)
      for (const eta of [all, etaOf(source)]) eta.bytes(count, now)
    },
    sent(files, now) {
      all.files(files.length, now)
      for (const { source } of files) etaOf(source).files(1, now)
    },
    rest() {
      all.rest()
      etas.clear()
    },
    left({ totals, transfers, now, bytesPerSecond }) {
      const left: Record<string, number> = {}
      for (const [source, eta] of etas) {
        const own = totals[source]
        if (own === undefined) etas.delete(source)
        const mine = transfers.filter((transfer) => transfer.source === source)
        const ms =
          own === undefined || own.waitingFiles === 0 ? null : eta.left(toGo(own, mine), now, bytesPerSecond)
        if (ms !== null) left[source] = ms
      }
      return left
    },
    leftOfAll({ totals, transfers, now, bytesPerSecond }) {
      const sum = { files: 0, bytes: 0 }
      for (const one of Object.values(totals)) {
        sum.files += one.waitingFiles
        sum.bytes += one.waitingBytes
      }
      const under = transfers.reduce((bytes, { sentBytes }) => bytes + sentBytes, 0)
      const toGo = { files: sum.files, bytes: Math.max(0, sum.bytes - under) }
      return sum.files === 0 ? null : all.left(toGo, now, bytesPerSecond)
    },
  }
}
