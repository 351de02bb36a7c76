import { nameRulesOf } from '../../filter/names.ts'
import type { SessionContext } from '../session.ts'
import type { FileFacts } from '../tree/facts.ts'
import type { TreeListener, TreeWatcher } from '../watch/tree-watcher.ts'

/** What a session is told of its source's tree. */
export interface SourceEvents extends Pick<TreeListener, 'lost' | 'mark' | 'entriesChanged'> {
  /** Finished files, to be put into the ledger. */
  offer(files: readonly FileFacts[]): void
}

/**
 * Watches a source's tree for its session.
 * @param leaveOut directories that are not entered; see TreeWatcher.leaveOut.
 */
export async function watchSource(
  context: SessionContext,
  events: SourceEvents,
  leaveOut: readonly string[] = [],
): Promise<TreeWatcher> {
  const { root, source } = context
  const request = { root, base: '', names: nameRulesOf(source), leaveOut }
  return await context.openTree(request, {
    finished: (files) => events.offer(files),
    mark: (path) => events.mark(path),
    entriesChanged: () => events.entriesChanged(),
    lost: (base) => events.lost(base),
    problem: context.problem,
    ended: context.ended,
  })
}
