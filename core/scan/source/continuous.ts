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

  const compareAll = async () => {
    if (watcher === null) return
    // Said of the first one alone: a tree that is polled is compared all the time.
    if (isFresh) context.update({ phase: 'listing' })
    const finishSweep = context.sweep()
    if (!isFresh) watcher.refresh()
    isFresh = false
    const { complete } = await reconcileTree(context, watcher, '')
    if (signal.aborted) return
    if (complete) finishSweep()
    context.update({ phase: watcher.method, ...(complete ? { compared: true } : {}) })
  }
  /** By the directory that is compared, so that an inner file system that hangs holds up itself. */
  const reruns = new Map<string, Rerun>()
  const compare = (base: string): Promise<void> => {
    if (signal.aborted) return Promise.resolve()
    const known = reruns.get(base)
    if (known !== undefined) return known.request()
    const rerun = new Rerun(
      async () => {
        if (base === '') await compareAll()
        else if (watcher !== null) await reconcileTree(context, watcher, base)
      },
      (thrown) => context.log(`reconcile ${context.source.path}: ${String(thrown)}`),
    )
    reruns.set(base, rerun)
    return rerun.request()
  }

  const open = async () => {
    const opened = await watchSource(context, {
      offer: (files) => void offerFiles(context, files),
      lost: compare,
      mark: () => undefined,
      entriesChanged: () => undefined,
    })
    if (signal.aborted) return opened.close()
    watcher = opened
    await compare('')
  }
  const opening = open().catch((thrown) => {
    if (!signal.aborted) context.ended(thrown)
  })

  return {
    reconcile: () => opening.then(() => compare('')),
    nudge: () => undefined,
    ripe: (paths) => {
      if (watcher !== null) void examineAll(watcher, paths)
    },
    stop() {
      for (const rerun of reruns.values()) rerun.stop()
      watcher?.close()
    },
  }
}
