import type { Thread } from '../worker/thread.ts'
import { openThread } from '../worker/thread.ts'
import type { StoreLayout } from './layout.ts'
import type { CommitCalls, Opened, Round, StoreThreadData } from './messages.ts'
import { outcomeOf } from './outcome.ts'

/** The thread that gives files their names and keeps the manifest, as the main thread sees it. */
export type CommitThread = ReturnType<typeof openCommitThread>

/** A store that nobody uses for so long, in milliseconds, is closed: its disk can be unmounted. */
const REST_MS = 2_000
const SAMPLE_MS = 500

/** @param onTotals hears what the folders that have changed hold. */
export function openCommitThread(
  layout: StoreLayout,
  script: URL,
  onTotals: (totals: Opened['totals']) => void,
) {
  const beat = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
  const beats = new Int32Array(beat)
  const data: StoreThreadData = { role: 'commit', root: layout.root, beat }
  const thread = openThread<CommitCalls>(script, { data, youngMb: 4 })
  let heard = { beats: 0, at: 0 }
  let users = 0
  let waking: Promise<unknown> | null = null
  let resting: NodeJS.Timeout | undefined

  const listen = () => {
    const now = Atomics.load(beats, 0)
    if (thread.unanswered === 0 || now !== heard.beats) heard = { beats: now, at: performance.now() }
  }
  /** While it has something to answer. */
  let sampling: NodeJS.Timeout | undefined

  const ask: Thread<CommitCalls>['call'] = async (name, input) => {
    listen()
    sampling ??= setInterval(listen, SAMPLE_MS).unref()
    try {
      const output = await thread.call(name, input)
      if (output !== null && typeof output === 'object' && 'totals' in output) onTotals(output.totals)
      return output
    } finally {
      listen()
      if (thread.unanswered === 0) endSampling()
    }
  }
  const endSampling = () => {
    clearInterval(sampling)
    sampling = undefined
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
    /** How long the disk has left a call unanswered, in milliseconds. */
    stalledMs() {
      listen()
      return thread.unanswered === 0 ? 0 : performance.now() - heard.at
    },
    async close() {
      endSampling()
      clearTimeout(resting)
      await thread.close()
    },
  }
}
