import { nameRulesOf } from '../../filter/names.ts'
import { Rerun } from '../../pacing/rerun.ts'
import { Gathered } from '../compare/gathered.ts'
import { offerFiles } from '../compare/offer.ts'
import { reconcileTree } from '../compare/reconcile.ts'
import { examineAll } from '../compare/young.ts'
import type { Session, SessionContext } from '../session.ts'
import type { TreeListener, TreeWatcher } from '../watch/tree-watcher.ts'

/** The watcher, whose looks are over only when what they found is in the ledger. */
const flushing = (watcher: TreeWatcher, gathered: Gathered): TreeWatcher => ({
  get method() {
    return watcher.method
  },
  examine: async (paths) => {
    await watcher.examine(paths)
    gathered.flush()
  },
  refresh: () => watcher.refresh(),
  leaveOut: (directories) => watcher.leaveOut(directories),
  close: () => watcher.close(),
})

/** A continuous source: every finished file of the tree. Watched first, then compared with the ledger. */
export function startContinuous(context: SessionContext): Session {
  let watcher: TreeWatcher | null = null
  /** Its directories have all just been found and watched: looking for them once more would find nothing. */
  let isFresh = true
  let stopped = false
  const gathered = new Gathered((files) => void offerFiles(context, files))

  const rerun = new Rerun(
    async () => {
      if (watcher === null || stopped) return
      context.update({ phase: 'listing' })
      const finishSweep = context.sweep()
      if (!isFresh) watcher.refresh()
      isFresh = false
      const { complete } = await reconcileTree(context, watcher, '', true)
      if (stopped) return
      if (complete) finishSweep()
      context.update({ phase: watcher.method, ...(complete ? { compared: true } : {}) })
    },
    (thrown) => context.log(`reconcile ${context.source.path}: ${String(thrown)}`),
  )

  const listener: TreeListener = {
    finished: (files) => gathered.add(files),
    signal: () => undefined,
    entriesChanged: () => undefined,
    lost: () => void rerun.request(),
    poll: async (directories) => {
      for (const directory of directories) {
        if (watcher === null || stopped) return
        await reconcileTree(context, watcher, directory, false)
      }
    },
    unwatched: (count) => context.update({ unwatchedDirectories: count }),
    problem: context.problem,
    gone: () => context.ended(null),
    failed: (thrown) => context.ended(thrown),
  }

  const open = async () => {
    const request = {
      root: context.root,
      base: '',
      recursive: true,
      names: nameRulesOf(context.source),
      signals: [],
    }
    const opened = await context.openTree(request, listener)
    if (stopped) return opened.close()
    watcher = flushing(opened, gathered)
    await rerun.request()
  }
  const opening = open().catch((thrown) => {
    if (!stopped) context.ended(thrown)
  })

  return {
    reconcile: () => opening.then(() => rerun.request()),
    nudge: () => undefined,
    ripe: (paths) => {
      if (watcher !== null) void examineAll(watcher, paths)
    },
    stop() {
      stopped = true
      gathered.flush()
      rerun.stop()
      watcher?.close()
    },
  }
}
