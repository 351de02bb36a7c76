import { Rerun } from '../../pacing/rerun.ts'
import { offerFiles } from '../compare/offer.ts'
import { reconcileTree } from '../compare/reconcile.ts'
import { examineAll } from '../compare/young.ts'
import type { Session, SessionContext } from '../session.ts'
import type { TreeWatcher } from '../watch/tree-watcher.ts'

/** A continuous source: every finished file of the tree. Watched first, then compared with the ledger. */
export function startContinuous(context: SessionContext): Session {
  const { signal } = context
  let watcher: TreeWatcher | null = null

  const compareAll = async (finishSweep: () => void) => {
    if (watcher === null) return
    const { complete } = await reconcileTree(context, watcher, '')
    if (signal.aborted) return
    if (complete) finishSweep()
    context.update({ phase: watcher.method, ...(complete ? { compared: true } : {}) })
  }
  const rerunOf = (compare: () => Promise<unknown>) =>
    new Rerun(
      async () => void (await compare()),
      (thrown) => context.log(`reconcile ${context.source.path}: ${String(thrown)}`),
    )
  const whole = rerunOf(async () => {
    const finishSweep = context.sweep()
    watcher?.refresh()
    await compareAll(finishSweep)
  })
  /** By the directory that is compared, so that an inner file system that hangs holds up itself. */
  const parts = new Map<string, Rerun>()
  const lost = (base: string): Promise<void> => {
    if (signal.aborted) return Promise.resolve()
    const part = parts.get(base) ?? rerunOf(async () => watcher && reconcileTree(context, watcher, base))
    parts.set(base, part)
    return part.request()
  }

  const open = async () => {
    // Before it: what is told of the opening is not over.
    const finishSweep = context.sweep()
    const opened = await context.watch({
      finished: (files) => void offerFiles(context, files),
      lost,
      mark: () => undefined,
      entriesChanged: () => undefined,
    })
    if (signal.aborted) return opened.close()
    watcher = opened
    // Said of the first comparison alone.
    context.update({ phase: 'listing' })
    await compareAll(finishSweep)
  }
  const opening = open().catch((thrown) => {
    if (!signal.aborted) context.ended(thrown)
  })

  return {
    reconcile: () => opening.then(() => whole.request()),
    nudge: () => undefined,
    ripe: (paths) => {
      if (watcher !== null) void examineAll(watcher, paths)
    },
    stop() {
      for (const rerun of [whole, ...parts.values()]) rerun.stop()
      watcher?.close()
    },
  }
}
