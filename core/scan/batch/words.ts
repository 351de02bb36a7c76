import { type Message, message } from '../../lib/i18n/message.ts'
import type { Source } from '../../settings/schema.ts'
import { absolutePath } from '../../walk/scanned-file.ts'
import { countUnsent } from '../reconcile/ledger-diff.ts'
import type { Scanned } from '../scanner-messages.ts'
import type { SessionContext } from '../source-session.ts'
import type { NeverSent } from './effects.ts'
import type { Marking } from './marking.ts'
import type { BatchDecision } from './rules.ts'

/** Limit of batch directories in one report. */
const MAX_BATCHES = 20

/** Limit of directories that one sentence names. */
const MAX_NAMES = 5

/** Builds one sentence for all directories that were not closed properly, naming the newest; null: all were closed. */
export function describeNotClosed(
  decisions: readonly BatchDecision[],
  { closedMark, sentMark }: Pick<Source['batch'], 'closedMark' | 'sentMark'>,
): Message | null {
  const names = decisions.filter(({ notClosed }) => notClosed).map(({ name }) => name)
  if (names.length === 0) return null
  const some = names.slice(-MAX_NAMES).reverse().join(', ')
  const named = names.length > MAX_NAMES ? `${some}, …` : some
  return message('scan.notClosed', { count: names.length, names: named, closedMark, sentMark })
}

/** Builds the sentences about files that are never sent from a marked directory. */
export function describeMarked(source: Source, name: string, never: NeverSent): Message[] {
  const { leftOut, seen } = never
  const params = { path: absolutePath(source.path, name), mark: source.batch.sentMark }
  return [
    ...(leftOut > 0 ? [message('scan.leftInBatch', { ...params, count: leftOut })] : []),
    ...(seen === 0 ? [message('scan.emptyBatch', params)] : []),
  ]
}

/** Builds the sentence about a closed directory that waits for a program that still writes in it. */
export function describeHeldOpen({ path, batch }: Source, name: string, file: string): Message {
  return message('scan.heldOpen', {
    path: absolutePath(path, file),
    directory: name,
    mark: batch.sentMark,
  })
}

/**
 * Builds the report of the batch directories, newest last: unmarked ones take precedence over marked ones, and the
 * newest of each kind are kept.
 */
export function batchReport(
  { ledger, destinations, source }: SessionContext,
  decisions: readonly BatchDecision[],
  getState: (name: string) => Marking['state'] | undefined,
): Scanned['batches'] {
  const isMarked = ({ name, action }: BatchDecision) => action === 'nothing' || getState(name)?.sent === true
  const unmarked = decisions.filter((one) => !isMarked(one)).slice(-MAX_BATCHES)
  const room = MAX_BATCHES - unmarked.length
  const marked = room > 0 ? decisions.filter(isMarked).slice(-room) : []
  const told = new Set([...unmarked, ...marked])
  return decisions
    .filter((one) => told.has(one))
    .map((decision) => {
      const { name } = decision
      if (decision.action === 'nothing')
        return { name, phase: decision.notClosed ? 'not-closed' : 'sent', waiting: 0 }
      const state = getState(name)
      const closed = state?.closed ?? decision.closed
      if (state?.sent) return { name, phase: closed ? 'sent' : 'not-closed', waiting: 0 }
      const { waiting, parked } = countUnsent(ledger, destinations, source.id, name)
      // Files that were found but not offered, since a program has them open, count as waiting.
      const held = closed && waiting + parked === 0 ? (state?.found ?? 0) : 0
      const live = state?.newest ?? decision.newest
      return { name, phase: closed ? 'closing' : live ? 'live' : 'waiting', waiting: waiting + parked + held }
    })
}
