import { leftOutBySize } from '../../filter/limits.ts'
import { createNameFilter, toNameRules } from '../../filter/names.ts'
import { message } from '../../lib/i18n/message.ts'
import { beginLongJob } from '../../lib/workers/priority.ts'
import { errorCode, errorText, isGone } from '../../platform/system-error.ts'
import { walkRegions } from '../../walk/regions.ts'
import type { ScannedFile } from '../../walk/scanned-file.ts'
import { describeUnsendable } from '../../walk/unsendable.ts'
import type { Skipped } from '../../walk/walk.ts'
import type { TreeWatcher } from '../../watch/tree-watcher.ts'
import type { SessionContext } from '../source-session.ts'
import { compareWithLedger } from './ledger-diff.ts'

/** Result of a comparison. */
export interface Reconciled {
  /** Files that the ledger does not have with this content, including those that are too young. */
  due: number
  /** Files and directories that cannot be sent. */
  unsendable: number
  /** All files that were seen. */
  seen: number
  /** Files that the source's filters exclude. */
  leftOut: number
  /** false: the comparison did not reach its end. */
  complete: boolean
}

/** Reasons for skipping a file that a person may not have intended. */
const BY_PERSON: ReadonlySet<Skipped['why']> = new Set(['ignored', 'hidden', 'not-a-file'])

/** Further receivers of a listing's files, besides the watcher. */
export interface Also {
  /** Files that are skipped while they have temporary names. */
  temporary(files: readonly string[]): Promise<void>
  /** Due files, after the watcher has examined them. */
  due(files: readonly string[]): Promise<void>
  /** Files that carry isocket's mark but were not sent by Holdfast. */
  unproven(files: readonly ScannedFile[]): void
}

/**
 * Compares a tree, or one directory of it with everything below, with the ledger, and lets the watcher examine every
 * due file; the watcher reports the finished ones. Streamed: memory does not grow with the tree.
 */
export async function reconcileTree(
  context: SessionContext,
  watcher: Pick<TreeWatcher, 'examine'>,
  base: string,
  also: Partial<Also> = {},
): Promise<Reconciled> {
  const { source, root, scope, signal } = context
  const filter = createNameFilter(toNameRules(source))
  const result: Reconciled = { due: 0, unsendable: 0, seen: 0, leftOut: 0, complete: false }
  const isOver = beginLongJob()
  try {
    for await (const chunk of walkRegions({ root, base, filter, scope, signal })) {
      const { files, unsendable, skipped } = chunk
      for (const one of unsendable) context.problem(describeUnsendable(root, one))
      const { due, unproven } = compareWithLedger(context, files)
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
    // The check of the source, or of the batch directories, reports that it is gone.
    if (isGone(errorCode(error))) return result
    const reason = errorText(error)
    context.problem(message('scan.listingFailed', { path: source.path, reason }))
  } finally {
    isOver()
  }
  return result
}
