import { leftOutBySize } from '../../filter/limits.ts'
import { createNameFilter, nameRulesOf } from '../../filter/names.ts'
import { message } from '../../lib/i18n/message.ts'
import { duringLongJob } from '../../lib/workers/priority.ts'
import { errorCode, errorText, isGone } from '../../platform/system-error.ts'
import { walkRegions } from '../../walk/regions.ts'
import type { ScannedFile } from '../../walk/scanned-file.ts'
import { unsendableWords } from '../../walk/unsendable.ts'
import type { Skipped } from '../../walk/walk.ts'
import type { TreeWatcher } from '../../watch/tree-watcher.ts'
import type { SessionContext } from '../source-session.ts'
import { standingOf } from './ledger-diff.ts'

/** What a listing found. */
export interface Reconciled {
  /** Files that the ledger did not know with this content; those that are not old enough yet, too. */
  due: number
  /** Files and directories that cannot be sent. */
  unsendable: number
  /** Files that were seen at all. */
  seen: number
  /** Files that the source's filters leave out. */
  leftOut: number
  /** false: it was not carried out to its end. */
  complete: boolean
}

/** Why something was left out that a person may not have meant to leave out. */
const BY_PERSON: ReadonlySet<Skipped['why']> = new Set(['ignored', 'hidden', 'not-a-file'])

/** Who is given a listing's files, besides the watcher. */
export interface Also {
  /** Those that are left out for as long as they have temporary names. */
  temporary(files: readonly string[]): Promise<void>
  /** Those that are due, after the watcher has looked at them. */
  due(files: readonly string[]): Promise<void>
  /** Those that carry isocket's mark, and that Holdfast has not sent. */
  unproven(files: readonly ScannedFile[]): void
}

/**
 * Compares a tree, or a directory of it with all below, with the ledger, and has the watcher look at every file that is
 * due: it reports those that are finished. Streamed: memory does not grow with the tree.
 */
export async function reconcileTree(
  context: SessionContext,
  watcher: Pick<TreeWatcher, 'examine'>,
  base: string,
  also: Partial<Also> = {},
): Promise<Reconciled> {
  const { source, root, scope, signal } = context
  const filter = createNameFilter(nameRulesOf(source))
  const result: Reconciled = { due: 0, unsendable: 0, seen: 0, leftOut: 0, complete: false }
  const isOver = duringLongJob()
  try {
    for await (const chunk of walkRegions({ root, base, filter, scope, signal })) {
      const { files, unsendable, skipped } = chunk
      for (const one of unsendable) context.problem(unsendableWords(root, one))
      const { due, unproven } = standingOf(context, files)
      result.due += due.length
      if (unproven.length > 0) also.unproven?.(unproven)
      result.unsendable += unsendable.length
      const leftOut = skipped.filter(({ why }) => BY_PERSON.has(why)).length
      const bySize = files.filter(({ size }) => leftOutBySize(source, size) !== null).length
      result.leftOut += leftOut + bySize
      result.seen += files.length + unsendable.length + skipped.filter(({ why }) => why !== 'mark').length
      const temporary = skipped.filter(({ why }) => why === 'temporary')
      await also.temporary?.(temporary.map(({ path }) => path))
      const ready = due.filter((file) => !context.young.holds(file))
      await watcher.examine(ready.map(({ path }) => path))
      await also.due?.(ready.map(({ path }) => path))
    }
    result.complete = !signal.aborted
  } catch (error) {
    // The look at the source, or at the batch directories, says that it is gone.
    if (isGone(errorCode(error))) return result
    const reason = errorText(error)
    context.problem(message('scan.listingFailed', { path: source.path, reason }))
  } finally {
    isOver()
  }
  return result
}
