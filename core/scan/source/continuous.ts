import { Rerun } from '../../pacing/rerun.ts'
import { offerFiles } from '../compare/offer.ts'
import { reconcileTree } from '../compare/reconcile.ts'
import { examineAll } from '../compare/young.ts'
import type { Session, SessionContext } from '../session.ts'
import type { TreeWatcher } from '../watch/tree-watcher.ts'
import { watchSource } from './watched.ts'

/** A continuous source: every finished file of the tree. Watched first, then compared with the ledger. */
export function startContinuous(context: SessionContext): Session {
  const { signal } = context
  let watcher: TreeWatcher | null = null
  /** Its directories have all just been found and watched: looking for them once more would find nothing. */
  let isFresh = true

  const rerun = new Rerun(
    async () => {
      if (watcher === null || signal.aborted) return
      context.update({ phase: 'listing' })
      const finishSweep = context.sweep()
      if (!isFresh) watcher.refresh()
      isFresh = false
      const { complete } = await reconcileTree(context, watcher, '', true)
      if (signal.aborted) return
      if (complete) finishSweep()
      context.update({ phase: watcher.method, ...(complete ? { compared: true } : {}) })
    },
    (thrown) => context.log(`reconcile ${context.source.path}: ${String(thrown)}`),
  )

  const open = async () => {
    const opened = await watchSource(context, {
      offer: (files) => void offerFiles(context, files),
      lost: () => void rerun.request(),
      mark: () => undefined,
      entriesChanged: () => undefined,
    })
    if (signal.aborted) return opened.close()
    watcher = opened
    await rerun.request()
  }
  const opening = open().catch((thrown) => {
    if (!signal.aborted) context.ended(thrown)
  })

  return {
    reconcile: () => opening.then(() => rerun.request()),
    nudge: () => undefined,
    ripe: (paths) => {
      if (watcher !== null) void examineAll(watcher, paths)
    },
    stop() {
      rerun.stop()
      watcher?.close()
    },
  }
}
