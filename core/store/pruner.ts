import type { CommitThread } from './commit-thread.ts'
import type { Keep } from './retention/choose.ts'
import type { Pruned } from './store-messages.ts'

const PRUNE_EVERY_MS = 3_600_000

/** Removes expired older versions every hour. */
export function openPruner(
  commitThread: Pick<CommitThread, 'call'>,
  keep: Keep,
  log: (text: string) => void,
) {
  let isOver = false
  let pruning: Promise<void> | null = null

  const pruneAll = async (): Promise<void> => {
    let after: { source: number; key: string } | null = { source: 0, key: '' }
    while (after !== null && !isOver) {
      const { failures, next }: Pruned = await commitThread.call('prune', { keep, after })
      const [failure] = failures
      if (failure !== undefined) log(`older contents cannot be removed (${failures.length}): ${failure}`)
      after = next
    }
  }

  const prune = (): Promise<void> => {
    pruning ??= pruneAll()
      .catch((error: unknown) => {
        if (!isOver) log(`older contents cannot be removed: ${String(error)}`)
      })
      .finally(() => {
        pruning = null
      })
    return pruning
  }

  const timer = setInterval(() => void prune(), PRUNE_EVERY_MS)
  timer.unref()
  return {
    /** Prunes at once; resolves when all paths were checked. Never rejects. */
    prune,
    close() {
      isOver = true
      clearInterval(timer)
    },
  }
}
