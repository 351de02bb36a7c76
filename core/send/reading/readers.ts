import type { Semaphore } from '../../wire/semaphore.ts'
import { createSemaphore } from '../../wire/semaphore.ts'
import type { Facts } from '../facts.ts'
import type { Content, Unsent } from '../read.ts'
import { readSmall } from '../read.ts'
import type { ReadingThread, Wanted } from './thread.ts'
import { startReadingThread } from './thread.ts'

/** So many files of a source that wait at the same moment are worth a thread. */
const SLICE_LEAST = 8
/** Files and bytes of one job. */
const SLICE_FILES = 128
const SLICE_BYTES = 1024 * 1024
/** Jobs of one source that its thread has: the next one is there when one is done. */
const JOBS_AT_ONCE = 2
/** Sources that hang hold their threads; those for which there is none are read by libuv's pool. */
const THREADS = 4
/** Files of one source that libuv's pool reads at a time; see POOL_THREADS in core/agent/worker-starter.ts. */
const POOL_READS = 16

/** Reads small files, of every source apart from the others. */
export interface Readers {
  /** What the file holds, if it is what was offered. Never rejects; a disk that hangs leaves it unanswered. */
  read(source: string, file: string, offered: Facts): Promise<Content | Unsent>
  close(): void
}

interface SourceReads {
  waiting: Wanted[]
  gathering: boolean
  jobs: number
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

  const cut = (reads: SourceReads): Wanted[] => {
    let bytes = 0
    let count = 0
    for (const { offered } of reads.waiting) {
      if (count === SLICE_FILES || (count > 0 && bytes + offered.size > SLICE_BYTES)) break
      bytes += offered.size
      count += 1
    }
    return reads.waiting.splice(0, count)
  }

  const readByPool = async ({ pool }: SourceReads, { file, offered, answer }: Wanted): Promise<void> => {
    await pool.acquire()
    answer(await readSmall(file, offered))
    pool.release()
  }

  const letGo = (source: string, reads: SourceReads) => {
    if (reads.jobs > 0 || reads.waiting.length > 0) return
    if (reads.thread !== null) idle.push(reads.thread)
    reads.thread = null
    if (reads.pool.available === POOL_READS) sources.delete(source)
  }

  const go = (source: string, reads: SourceReads): void => {
    while (reads.waiting.length > 0 && reads.jobs < JOBS_AT_ONCE) {
      const isWorth = reads.thread !== null || reads.waiting.length >= SLICE_LEAST
      const thread = isWorth ? threadFor(reads) : null
      if (thread === null) {
        for (const one of reads.waiting.splice(0))
          void readByPool(reads, one).then(() => letGo(source, reads))
        return
      }
      reads.thread = thread
      reads.jobs += 1
      void thread.read(cut(reads)).then(() => {
        reads.jobs -= 1
        go(source, reads)
        letGo(source, reads)
      })
    }
  }

  const readsOf = (source: string): SourceReads => {
    const known = sources.get(source)
    if (known !== undefined) return known
    const made: SourceReads = {
      waiting: [],
      gathering: false,
      jobs: 0,
      thread: null,
      pool: createSemaphore(POOL_READS),
    }
    sources.set(source, made)
    return made
  }

  return {
    read: (source, file, offered) =>
      new Promise((answer) => {
        const reads = readsOf(source)
        const { size, mtimeNs, inode, device } = offered
        reads.waiting.push({ file, offered: { size, mtimeNs, inode, device }, answer })
        if (reads.gathering) return
        reads.gathering = true
        setImmediate(() => {
          reads.gathering = false
          go(source, reads)
        })
      }),
    close() {
      for (const thread of all) thread.close()
    },
  }
}
