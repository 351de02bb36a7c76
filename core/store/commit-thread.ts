import { errorCode, errorText } from '../files/system-error.ts'
import type { Thread } from '../worker/thread.ts'
import { openThread } from '../worker/thread.ts'
import { REPLACED } from './handles.ts'
import type { StoreLayout } from './layout.ts'
import type { CommitCalls, OpenedStore, Round, StoreThreadData } from './messages.ts'
import { outcomeOf } from './outcome.ts'
import type { CallWatch } from './parts.ts'

/** The thread that gives files their names and keeps the manifest, as the main thread sees it. */
export type CommitThread = ReturnType<typeof openCommitThread>

/** A store that nobody uses for so long, in milliseconds, is closed: its disk can be unmounted. */
const REST_MS = 2_000

/**
 * @param watch is to know of each call: none takes long where the disk answers.
 * @param onTotals hears what the folders that have changed hold.
 * @param onReplaced is called when another manifest is found than before, while the store rested.
 */
export function openCommitThread(
  layout: StoreLayout,
  script: URL,
  watch: CallWatch,
  onTotals: (totals: OpenedStore['totals']) => void,
  onReplaced: (why: string) => void,
) {
  const data: StoreThreadData = { role: 'commit', root: layout.root }
  const thread = openThread<CommitCalls>(script, { data, youngMb: 4 })
  let users = 0
  let waking: Promise<unknown> | null = null
  let resting: NodeJS.Timeout | undefined

  const ask: Thread<CommitCalls>['call'] = async (name, input) => {
    const output = await watch
      .during(() => thread.call(name, input))
      .catch((thrown: unknown) => {
        if (errorCode(thrown) === REPLACED) onReplaced(errorText(thrown))
        throw thrown
      })
    if (output !== null && typeof output === 'object' && 'totals' in output) onTotals(output.totals)
    return output
  }

  const rest = () => {
    if (users > 0) return
    waking = null
    void ask('rest', null).catch(() => undefined)
  }

  const enter = (): (() => void) => {
    users += 1
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      users -= 1
      if (users > 0) return
      clearTimeout(resting)
      resting = setTimeout(rest, REST_MS)
      resting.unref()
    }
  }

  const call: Thread<CommitCalls>['call'] = async (name, input) => {
    const leave = enter()
    try {
      return await ask(name, input)
    } finally {
      leave()
    }
  }

  return {
    /** What is stored; rejects where the store cannot be used at all. */
    opened: call('look', null),
    call,
    /** Never rejects. */
    async round(round: Round) {
      try {
        return await call('round', round)
      } catch (thrown) {
        const failure = outcomeOf(thrown)
        return { outcomes: round.files.map(() => failure), failure, position: 0, totals: [] }
      }
    },
    /**
     * Opens the store for writing, and keeps it open until the result is called. What is written meanwhile the next sync
     * vouches for.
     * @throws what the system says.
     */
    async use() {
      const leave = enter()
      try {
        waking ??= ask('wake', null)
        await waking
        return leave
      } catch (thrown) {
        waking = null
        leave()
        throw thrown
      }
    },
    async close() {
      clearTimeout(resting)
      await thread.close()
    },
  }
}
