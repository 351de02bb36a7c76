import { noTotals, type Totals } from '../../ledger/ledger-messages.ts'
import type { DestinationState, SendProgress, SourceDestination, SourceState } from './schema.ts'

// Computes the progress of sending of a source, of a destination and of all; pure.

export const noProgress: SendProgress = { totals: noTotals, rate: 0, left: null }

/** Sets a source's destinations. Its progress is that of the slowest one. */
export function withDestinations(source: SourceState, destinations: SourceDestination[]): SourceState {
  return {
    ...source,
    destinations,
    totals: furthestBehind(destinations.map(({ totals }) => totals)),
    rate: sumRates(destinations),
    left: longestLeft(destinations),
  }
}

export function sumProgress(
  sources: readonly SourceState[],
  destinations: readonly DestinationState[],
): SendProgress {
  return {
    totals: sumTotals(sources.map(({ totals }) => totals)),
    rate: sumRates(sources),
    left: longestLeft(destinations),
  }
}

function furthestBehind(all: readonly Totals[]): Totals {
  const most = (of: (one: Totals) => number) => Math.max(...all.map(of))
  const least = (of: (one: Totals) => number) => Math.min(...all.map(of))
  return {
    waitingFiles: most(({ waitingFiles }) => waitingFiles),
    waitingBytes: most(({ waitingBytes }) => waitingBytes),
    sentFiles: least(({ sentFiles }) => sentFiles),
    sentBytes: least(({ sentBytes }) => sentBytes),
    parkedFiles: most(({ parkedFiles }) => parkedFiles),
  }
}

export const sumRates = (all: readonly { rate: number }[]) => all.reduce((sum, { rate }) => sum + rate, 0)

/** Returns the longest estimate; null if any destination with waiting files has none. */
function longestLeft(all: readonly Pick<SourceDestination, 'totals' | 'left'>[]): number | null {
  const waiting = all.filter(({ totals }) => totals.waitingFiles > 0)
  const known = waiting.flatMap(({ left }) => (left === null ? [] : [left]))
  return known.length === 0 || known.length < waiting.length ? null : Math.max(...known)
}

export function sumTotals(all: readonly Totals[]): Totals {
  return all.reduce(
    (sum, one) => ({
      waitingFiles: sum.waitingFiles + one.waitingFiles,
      waitingBytes: sum.waitingBytes + one.waitingBytes,
      sentFiles: sum.sentFiles + one.sentFiles,
      sentBytes: sum.sentBytes + one.sentBytes,
      parkedFiles: sum.parkedFiles + one.parkedFiles,
    }),
    noTotals,
  )
}
