import type { Checked } from '../../check/messages.ts'
import type { Message, WordKey } from '../../words/message.ts'
import { message } from '../../words/message.ts'
import type { AppState, SourceState } from './schema.ts'

// What follows from the state, for the one status and for each view alike; pure, and known to the window, too.

/** Problems that keep no file from being sent; the details of a source tell them. */
const HARMLESS: ReadonlySet<WordKey> = new Set(['scan.notClosed', 'scan.watchLimit'])
const MINUTE = 60_000

/** What keeps a source's files from being found or sent, if anything does: the newest of its problems. */
export function scanProblem({ scanned, settings }: SourceState): Message | null {
  if (scanned === null || settings.paused) return null
  const problem = scanned.problems.findLast(({ key }) => !HARMLESS.has(key))
  if (problem !== undefined) return problem
  const isStuck = scanned.phase === 'missing' || scanned.phase === 'failed'
  return isStuck ? message('status.notScanned', { name: settings.name }) : null
}

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

/**
 * Old knowledge is no knowledge: whether a verdict is older than three intervals, and ten seconds for the clock of a
 * busy computer.
 *
 * @param now milliseconds since 1970
 */
export function isOldVerdict({ at }: Pick<Checked, 'at'>, intervalSeconds: number, now: number): boolean {
  return now - at > intervalSeconds * 3_000 + 10_000
}

/** A duration in milliseconds as a sentence has it that is made anew all the time: from a minute on no second ticks in it. */
export function inSteps(duration: number, round: (steps: number) => number = Math.floor): number {
  const step = duration < MINUTE ? 1_000 : MINUTE
  return round(duration / step) * step
}
