import { warnUnlessCode } from '../../dropped-errors.ts'
import { createSemaphore } from '../../lib/async/semaphore.ts'
import { LATE, withTimeout } from '../../lib/async/with-timeout.ts'
import { openThread, type Thread } from '../../lib/workers/thread.ts'
import { DIGEST_BYTES } from '../../platform/digest.ts'
import { batchBuffers } from '../../protocol/frame-buffers.ts'
import type { FileRead, Group, ReaderCalls, ReadResult } from './group.ts'

/** Threads that read, without those that hang. */
const THREADS = 4
/** A thread that has not answered for so long hangs with its disk: another one may take its place. */
const HANGS_AFTER_MS = 3_000

/** Reads small files, the sources in turn, of each one group at a time: one that hangs keeps one thread. */
export type Readers = ReturnType<typeof openReaders>

/** The contents stay where the thread has put them, one after the other. */
function foundIn({ read, bytes, digests }: ReadResult): FileRead[] {
  let at = 0
  return read.map((found, index): FileRead => {
    if (found.kind !== 'content') return found
    const content = Buffer.from(bytes.buffer, bytes.byteOffset + at, found.length)
    const digest = Buffer.from(digests.buffer, digests.byteOffset + index * DIGEST_BYTES, DIGEST_BYTES)
    at += found.length
    return { kind: 'content', bytes: content, digest, facts: found.facts }
  })
}

/** Memory for so many bytes of contents, with room for a frame's front where they are many. */
const memoryFor = (bytes: number): Uint8Array<ArrayBuffer> =>
  batchBuffers.fits(bytes + batchBuffers.frontBytes) ? batchBuffers.takeRoom() : new Uint8Array(bytes)

/** Has a group read; all of its files fail where the thread ends by itself. */
async function readGroup(thread: Thread<ReaderCalls>, { root, files: wanted, take }: Group): Promise<void> {
  const files = wanted.map(({ path, offered: { size, mtimeNs, ctimeNs, inode, device } }) => {
    return { path, offered: { size, mtimeNs, ctimeNs, inode, device } }
  })
  const memory = memoryFor(files.reduce((sum, { offered }) => sum + offered.size, 1))
  const result = await thread
    .call('read', { root, files, memory }, [memory.buffer])
    .catch((error) =>
      warnUnlessCode(error, [], 'a thread that reads has ended; its files are reported as EIO', null),
    )
  const failed: FileRead = { kind: 'failed', code: 'EIO' }
  // In a turn of its own: by then the thread has its next group, and the line has had its turn.
  setImmediate(() => {
    if (result !== null) take(foundIn(result), result.directories)
    else
      take(
        files.map(() => failed),
        [],
      )
  })
}

/** @param script is the threads' own. */
export function openReaders(script: URL) {
  const turns = createSemaphore(THREADS)
  const threads = new Set<Thread<ReaderCalls>>()
  const free: Thread<ReaderCalls>[] = []
  /** What is read of each source now, and what waits for that. */
  const sources = new Map<string, Group[]>()

  const openOne = (): Thread<ReaderCalls> => {
    const thread = openThread<ReaderCalls>(script, { youngMb: 4 })
    threads.add(thread)
    return thread
  }

  const readOne = async (group: Group): Promise<void> => {
    const thread = free.pop() ?? openOne()
    const reading = readGroup(thread, group)
    const isInTime = (await withTimeout(HANGS_AFTER_MS, reading)) !== LATE
    turns.release()
    if (isInTime) {
      free.push(thread)
      return
    }
    await reading
    threads.delete(thread)
    void thread.close()
  }

  const readAll = async (source: string, groups: Group[]): Promise<void> => {
    for (let group = groups[0]; group !== undefined; group = groups[0]) {
      if (!(await turns.acquire())) return
      await readOne(group)
      groups.shift()
    }
    sources.delete(source)
  }

  return {
    /** The group's `take` is called once; a disk that hangs leaves it unanswered. */
    read(source: string, group: Group): void {
      const groups = sources.get(source)
      groups?.push(group)
      if (groups !== undefined) return
      const first = [group]
      sources.set(source, first)
      void readAll(source, first)
    },
    close() {
      turns.close()
      for (const thread of threads) void thread.close()
    },
  }
}
