import type { Semaphore } from '../../pacing/semaphore.ts'
import { createSemaphore } from '../../pacing/semaphore.ts'
import type { Group } from './group.ts'
import { directoriesAbove, readSmall } from './read.ts'
import type { ReadingThread } from './thread.ts'
import { startReadingThread } from './thread.ts'

/** So many files of a source that wait at the same moment are worth a thread. */
const WORTH_A_THREAD = 8
/** The same in bytes: to read and hash them takes longer than the two changes of threads. */
const BYTES_WORTH_A_THREAD = 512 * 1024
/** Groups of one source that its thread has: the next one is there when one is done. */
const GROUPS_AT_ONCE = 2
/** Sources that hang hold their threads; those for which there is none are read by libuv's pool. */
const THREADS = 4
/** Files of one source that libuv's pool reads at a time; see POOL_THREADS in core/agent/workers/starter.ts. */
const POOL_READS = 16

/** Reads small files, of every source apart from the others. */
export interface Readers {
  /**
   * `take` is called once for each file, of all that are read together at once, or of each by itself. A disk that
   * hangs leaves them unanswered.
   */
  read(source: string, group: Group): void
  close(): void
}

interface SourceReads {
  waiting: Group[]
  groups: number
  thread: ReadingThread | null
  pool: Semaphore
}

/** @param script is the threads' own; null: none is started. */
export function openReaders(script: URL | null): Readers {
  const sources = new Map<string, SourceReads>()
  const idle: ReadingThread[] = []
  const all = new Set<ReadingThread>()

  const threadFor = (reads: SourceReads): ReadingThread | null => {
    const kept = reads.thread ?? idle.pop() ?? null
    if (kept !== null || script === null || all.size >= THREADS) return kept
    const started: ReadingThread = startReadingThread(script, () => {
      all.delete(started)
      if (idle.includes(started)) idle.splice(idle.indexOf(started), 1)
      for (const one of sources.values()) if (one.thread === started) one.thread = null
    })
    all.add(started)
    return started
  }

  const readByPool = async (reads: SourceReads, { root, files, take }: Group): Promise<void> => {
    await Promise.all(
      files.map(async ({ path, offered }, index) => {
        await reads.pool.acquire()
        const file = { root, path }
        const content = await readSmall(file, offered)
        const directories = content.kind === 'content' ? await directoriesAbove(file) : []
        reads.pool.release()
        take([{ index, content }], directories)
      }),
    )
  }

  const letGo = (source: string, reads: SourceReads) => {
    if (reads.groups > 0 || reads.waiting.length > 0) return
    if (reads.thread !== null) idle.push(reads.thread)
    reads.thread = null
    if (reads.pool.available === POOL_READS) sources.delete(source)
  }

  const go = (source: string, reads: SourceReads): void => {
    while (reads.groups < GROUPS_AT_ONCE) {
      const isWorth = reads.thread !== null || isWorthAThread(reads.waiting)
      const thread = isWorth ? threadFor(reads) : null
      const group = reads.waiting.shift()
      if (group === undefined) return
      if (thread === null) {
        void readByPool(reads, group).then(() => letGo(source, reads))
        continue
      }
      reads.thread = thread
      reads.groups += 1
      void thread.read(group).then(() => {
        // In a turn of its own: threads that answer at once would leave the line no turn at all.
        setImmediate(() => {
          reads.groups -= 1
          go(source, reads)
          letGo(source, reads)
        })
      })
    }
  }

  const readsOf = (source: string): SourceReads => {
    const known = sources.get(source)
    if (known !== undefined) return known
    const made: SourceReads = { waiting: [], groups: 0, thread: null, pool: createSemaphore(POOL_READS) }
    sources.set(source, made)
    return made
  }

  return {
    read(source, group) {
      const reads = readsOf(source)
      reads.waiting.push(group)
      go(source, reads)
    },
    close() {
      for (const thread of all) thread.close()
    },
  }
}

function isWorthAThread(groups: readonly Group[]): boolean {
  const files = groups.flatMap((group) => group.files)
  const bytes = files.reduce((sum, { offered }) => sum + offered.size, 0)
  return files.length >= WORTH_A_THREAD || bytes >= BYTES_WORTH_A_THREAD
}
