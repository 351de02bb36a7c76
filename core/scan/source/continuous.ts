import { Rerun } from '../../lib/async/rerun.ts'
import type { TreeWatcher } from '../../watch/tree-watcher.ts'
import { LinkedNames } from '../reconcile/linked-names.ts'
import { examineAll } from '../reconcile/minimum-age.ts'
import { offerDirectories, offerFiles } from '../reconcile/offer.ts'
import { reconcileTree } from '../reconcile/reconcile.ts'
import type { SessionContext, SourceSession } from '../source-session.ts'

/** Starts a continuous source: every finished file of the tree is sent. The tree is watched first, then compared. */
export function startContinuous(context: SessionContext): SourceSession {
  const { signal } = context
  let watcher: TreeWatcher | null = null

  const linked = new LinkedNames(context, () => watcher)

  const compareAll = async (watched: TreeWatcher) => {
    const finishSweep = context.sweep()
    const { complete } = await reconcileTree(context, watched, '')
    if (signal.aborted) return
    if (complete) finishSweep()
    context.update({ phase: watched.method, ...(complete ? { compared: true } : {}) })
  }
  /** A rerun for each compared directory, so that an inner file system that hangs delays only itself. */
  const reruns = new Map<string, Rerun>()
  const compare = (base: string): Promise<void> => {
    if (signal.aborted) return Promise.resolve()
    const known = reruns.get(base)
    if (known !== undefined) return known.request()
    const rerun = new Rerun(
      async () => {
        if (watcher === null) return
        if (base === '') await compareAll(watcher)
        else await reconcileTree(context, watcher, base)
      },
      (error) => context.log(`reconcile ${context.source.path}: ${String(error)}`),
    )
    reruns.set(base, rerun)
    return rerun.request()
  }

  const open = async () => {
    const opened = await context.watch({
      linked: (files) => linked.changed(files),
      directoriesChanged: (paths) => offerDirectories(context, paths),
      finished: (files) => void offerFiles(context, files),
      lost: compare,
      mark: () => undefined,
      entriesChanged: () => undefined,
    })
    if (signal.aborted) return opened.close()
    watcher = opened
    // Only the first comparison shows this phase: a polled tree is compared all the time.
    context.update({ phase: 'listing' })
    await compare('')
  }
  const opening = open().catch((error) => {
    if (!signal.aborted) context.ended(error)
  })

  return {
    async reconcile() {
      await opening
      watcher?.refresh()
      await compare('')
    },
    nudge: () => undefined,
    ripe: (paths) => {
      if (watcher !== null) void examineAll(watcher, paths)
    },
    stop() {
      for (const rerun of reruns.values()) rerun.stop()
      linked.close()
      watcher?.close()
    },
  }
}
