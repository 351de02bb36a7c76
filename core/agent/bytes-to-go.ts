import type { AppState, SourceState } from './state/schema.ts'

/**
 * What of a source's files has still to go over the line, for people to see it shrink: a file counts among what waits
 * until all of it is durable, however large it is. By the destination that is furthest behind.
 */
export function bytesToGo({ settings, destinations }: SourceState, transfers: AppState['transfers']): number {
  const own = transfers.filter(({ source }) => source === settings.id)
  const left = destinations.map(({ id, totals }) => {
    const onWay = own.filter(({ destination }) => destination === id)
    return totals.waitingBytes - onWay.reduce((sum, { sentBytes }) => sum + sentBytes, 0)
  })
  return Math.max(0, ...left)
}
