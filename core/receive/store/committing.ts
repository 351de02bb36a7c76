import { inTime } from '../../pacing/in-time.ts'
import { openThread } from '../../worker/thread.ts'
import { outcomeOf } from '../file-refused.ts'
import type { StoreLayout } from '../layout.ts'
import type {
  CommitJob,
  CommitResults,
  CommitterCalls,
  Opened,
  RoundResult,
  StoreThreadData,
} from './messages.ts'

type RoundJob = Omit<Extract<CommitJob, { kind: 'round' }>, 'kind'>

/** The thread that gives names and keeps the manifest, as seen from outside. */
export interface Committing {
  /** Whether one call makes all durable that was written; known once `opened` has resolved. */
  readonly syncsWhole: boolean
  /** What is stored, as a first look has said; rejects where the store cannot be used at all. */
  readonly opened: Promise<Opened>
  call<Job extends CommitJob>(job: Job): Promise<CommitResults[Job['kind']]>
  /** Never rejects. */
  round(job: RoundJob): Promise<RoundResult>
  /**
   * Resolves when the store can be written to; something is under way from then on, until the result is called.
   * @throws what the system says.
   */
  awake(): Promise<() => void>
  /** How long the disk has left a call unanswered, in milliseconds. */
  stalledMs(): number
  close(): Promise<void>
}

/** A store at which nothing was under way for so long, in milliseconds, is closed: its disk can be unmounted. */
const REST_MS = 2_000
const SAMPLE_MS = 500
/** Closing waits so long, in milliseconds, for what is under way: a disk may hang. */
const END_WITHIN_MS = 2_000

export function openCommitting(layout: StoreLayout, script: URL): Committing {
  const beat = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
  const beats = new Int32Array(beat)
  const data: StoreThreadData = { role: 'commit', root: layout.root, beat }
  const thread = openThread<CommitterCalls>(script, { data, youngMb: 4 })
  let out = 0
  let heard = { beats: 0, at: 0 }
  let users = 0
  let waking: Promise<unknown> | null = null
  let resting: NodeJS.Timeout | null = null
  let looked: Opened | null = null

  const listen = () => {
    const now = Atomics.load(beats, 0)
    if (out === 0 || now !== heard.beats) heard = { beats: now, at: performance.now() }
  }
  const sampling = setInterval(listen, SAMPLE_MS)
  sampling.unref()

  const call = async (job: CommitJob): Promise<unknown> => {
    listen()
    out += 1
    try {
      return await thread.call(job.kind, job)
    } finally {
      out -= 1
      listen()
    }
  }

  const rest = () => {
    resting = null
    if (users > 0) return
    waking = null
    void call({ kind: 'rest' }).catch(() => undefined)
  }

  const opened = call({ kind: 'look' }) as Promise<Opened>
  opened.then(
    (found) => {
      looked = found
      leave()
    },
    () => undefined,
  )

  /** Nothing is under way, maybe. */
  function leave(): void {
    if (resting !== null) clearTimeout(resting)
    resting = setTimeout(rest, REST_MS)
    resting.unref()
  }

  return {
    get syncsWhole() {
      return looked?.syncsWhole ?? false
    },
    opened,
    call: async <Job extends CommitJob>(job: Job) => {
      users += 1
      try {
        return (await call(job)) as CommitResults[Job['kind']]
      } finally {
        users -= 1
        leave()
      }
    },
    async round(job) {
      // What is written meanwhile is for the next round's sync to judge: it asks by what is open now.
      users += 1
      try {
        return (await call({ kind: 'round', ...job })) as RoundResult
      } catch (thrown) {
        const unsynced = outcomeOf(thrown)
        return { outcomes: job.files.map(() => unsynced), unsynced, position: 0, totals: [] }
      } finally {
        users -= 1
        if (users === 0) leave()
      }
    },
    async awake() {
      users += 1
      try {
        waking ??= call({ kind: 'wake' })
        await waking
      } catch (thrown) {
        waking = null
        users -= 1
        throw thrown
      }
      let isOver = false
      return () => {
        if (isOver) return
        isOver = true
        users -= 1
        if (users === 0) leave()
      }
    },
    stalledMs() {
      listen()
      return out === 0 ? 0 : performance.now() - heard.at
    },
    async close() {
      clearInterval(sampling)
      if (resting !== null) clearTimeout(resting)
      await inTime(
        END_WITHIN_MS,
        call({ kind: 'rest' }).catch(() => undefined),
      )
      void thread.close()
    },
  }
}
