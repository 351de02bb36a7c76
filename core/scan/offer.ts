import { message } from '../words/message.ts'
import { isDue, isNeverSent } from './due.ts'
import type { FileFacts } from './facts.ts'
import { withoutLeftOut } from './left-out.ts'
import type { SessionContext } from './session.ts'

/** Files in one transaction of the ledger. */
const MAX_OFFERED = 256

/**
 * Puts finished files into the ledger, those that it does not know with this content and that no filter
 * leaves out. Returns how many became waiting, here or for their age. A ledger that cannot be written is told in words: the next comparison offers the files again.
 */
export function offerFiles(context: SessionContext, files: readonly FileFacts[]): number {
  const { source, ledger, destination } = context
  // Of the directory underneath a disk that is unmounted in this moment nothing is offered.
  if (files.some(({ device }) => device !== context.device) && !context.isThere()) {
    context.ended(null)
    return 0
  }
  let waiting = 0
  let held = 0
  try {
    for (let from = 0; from < files.length; from += MAX_OFFERED) {
      const some = withoutLeftOut(context, files.slice(from, from + MAX_OFFERED))
      const due = some.filter((file) => isFileDue(context, file))
      const ready = due.filter((file) => !context.young.holds(file))
      held += due.length - ready.length
      if (ready.length === 0) continue
      const candidates = ready.map(({ mode: _, ...facts }) => ({ source: source.id, ...facts }))
      waiting += ledger.offer(destination, candidates)
    }
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown)
    context.problem(message('scan.ledgerFailed', { path: source.path, reason }))
  }
  if (waiting > 0) context.offered()
  return waiting + held
}

/** Whether the ledger does not know this file with this content. Throws what the ledger throws. */
export function isFileDue(context: SessionContext, file: FileFacts): boolean {
  return standingOf(context, file).due
}

/** Whether this file is due, and if it is not, whether that is for its group-write bit alone. */
export function standingOf(
  { source, ledger, destination }: SessionContext,
  file: FileFacts,
): { due: boolean; neverSent: boolean } {
  const known = ledger.lookup(destination, source.id, file.path)
  const marksFiles = source.kind === 'batch'
  return { due: isDue(file, known, marksFiles), neverSent: isNeverSent(file, known, marksFiles) }
}
