import { nameRulesOf } from '../../filter/names.ts'
import type { SessionContext } from '../session.ts'
import type { FileFacts } from '../tree/facts.ts'
import type { TreeListener, TreeWatcher } from '../watch/tree-watcher.ts'

/** What a session is told of its source's tree. */
export interface SourceEvents extends Pick<TreeListener, 'lost' | 'mark' | 'entriesChanged'> {
  /** Finished files, gathered, to be put into the ledger. */
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
  const gathered = gatherFor(events.offer)
  const request = { root, base: '', names: nameRulesOf(source), leaveOut }
  const opened = await context.openTree(request, {
    finished: (files) => gathered.add(files),
    mark: (path) => events.mark(path),
    entriesChanged: () => events.entriesChanged(),
    lost: (base) => events.lost(base),
    unwatched: (count) => context.update({ unwatchedDirectories: count }),
    problem: context.problem,
    gone: () => context.ended(null),
    failed: (thrown) => context.ended(thrown),
  })
  return {
    get method() {
      return opened.method
    },
    // A look is over only when what it found is in the ledger.
    examine: async (paths) => {
      await opened.examine(paths)
      gathered.flush()
    },
    refresh: () => opened.refresh(),
    leaveOut: (directories) => opened.leaveOut(directories),
    close: () => {
      gathered.flush()
      opened.close()
    },
  }
}

/** In a burst files go into the ledger together this often: each transaction writes the same pages again. */
const TOGETHER_MS = 25
/** As many as one transaction takes. */
const MOST = 128

/** Finished files on their way to the ledger: the first ones at once, those that follow closely together. */
export function gatherFor(offer: (files: readonly FileFacts[]) => void) {
  let gathered: FileFacts[] = []
  let timer: NodeJS.Timeout | undefined
  let offeredAt = Number.NEGATIVE_INFINITY

  /** Whoever says that all is in the ledger asks for it first. */
  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    if (gathered.length === 0) return
    const files = gathered
    gathered = []
    offer(files)
    offeredAt = performance.now()
  }
  return {
    add(files: readonly FileFacts[]) {
      gathered.push(...files)
      const since = performance.now() - offeredAt
      if (since >= TOGETHER_MS || gathered.length >= MOST) flush()
      else timer ??= setTimeout(flush, TOGETHER_MS - since)
    },
    flush,
  }
}
