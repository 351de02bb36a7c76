import { type Message, message } from '../../lib/i18n/message.ts'
import type { Source } from '../../settings/schema.ts'
import { absolutePath } from '../../walk/scanned-file.ts'
import { unsentAnywhere } from '../reconcile/ledger-diff.ts'
import type { Scanned } from '../scanner-messages.ts'
import type { SessionContext } from '../source-session.ts'
import type { NeverSent } from './effects.ts'
import type { Marking } from './marking.ts'
import type { BatchDecision } from './rules.ts'

/** Batch directories in one report. */
const MAX_BATCHES = 20

/** Directories that one sentence names. */
const MAX_NAMES = 5

/** One sentence for all that were not closed properly, the newest of them by name; null: all were. */
export function notClosedWords(
  decisions: readonly BatchDecision[],
  { closedMark, sentMark }: Pick<Source['batch'], 'closedMark' | 'sentMark'>,
): Message | null {
  const names = decisions.filter(({ notClosed }) => notClosed).map(({ name }) => name)
  if (names.length === 0) return null
  const some = names.slice(-MAX_NAMES).reverse().join(', ')
  const named = names.length > MAX_NAMES ? `${some}, …` : some
  return message('scan.notClosed', { count: names.length, names: named, closedMark, sentMark })
}

/** What a directory that is marked has that never goes. */
export function saidOfMarked(source: Source, name: string, never: NeverSent): Message[] {
  const { leftOut, seen } = never
  const params = { path: absolutePath(source.path, name), mark: source.batch.sentMark }
  return [
    ...(leftOut > 0 ? [message('scan.leftInBatch', { ...params, count: leftOut })] : []),
    ...(seen === 0 ? [message('scan.emptyBatch', params)] : []),
  ]
}

/** A closed directory waits for whoever still writes in it. */
export function heldOpenWords({ path, batch }: Source, name: string, file: string): Message {
  return message('scan.heldOpen', {
    path: absolutePath(path, file),
    directory: name,
    mark: batch.sentMark,
  })
}

/**
 * The batch directories that a view is told of, newest last: those that have no mark yet before those that have one,
 * of either the newest.
 */
export function batchReport(
  { ledger, destinations, source }: SessionContext,
  decisions: readonly BatchDecision[],
  stateOf: (name: string) => Marking['state'] | undefined,
): Scanned['batches'] {
  const isMarked = ({ name, action }: BatchDecision) => action === 'nothing' || stateOf(name)?.sent === true
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
      const state = stateOf(name)
      const closed = state?.closed ?? decision.closed
      if (state?.sent) return { name, phase: closed ? 'sent' : 'not-closed', waiting: 0 }
      const { waiting, parked } = unsentAnywhere(ledger, destinations, source.id, name)
      // What was found and could not be offered, as a program holds it open, waits, too.
      const held = closed && waiting + parked === 0 ? (state?.found ?? 0) : 0
      const live = state?.newest ?? decision.newest
      return { name, phase: closed ? 'closing' : live ? 'live' : 'waiting', waiting: waiting + parked + held }
    })
}
