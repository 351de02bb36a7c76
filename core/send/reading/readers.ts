import { warnUnlessCode } from '../../dropped-errors.ts'
import { createSemaphore } from '../../lib/async/semaphore.ts'
import { LATE, withTimeout } from '../../lib/async/timing.ts'
import { openThread, type Thread } from '../../lib/workers/thread.ts'
import { DIGEST_BYTES } from '../../platform/digest.ts'
import type { Fixity } from '../../platform/fixity.ts'
import { batchBuffers } from '../../protocol/frame-buffers.ts'
import type { FileRead, Group, ReaderCalls, ReadResult } from './read-result.ts'

/** Number of reading threads, without those that hang. */
const THREADS = 4
/** A thread without an answer for this long hangs with its disk: another one may replace it. */
const HANGS_AFTER_MS = 3_000

export type Readers = ReturnType<typeof openReaders>

/**
 * Reads small files: sources in turn, one group of each at a time, so that a disk that hangs blocks one thread.
 * @param script the script of the threads.
 */
export function openReaders(script: URL) {
  const turns = createSemaphore(THREADS)
  const threads = new Set<Thread<ReaderCalls>>()
  const free: Thread<ReaderCalls>[] = []
  /** By source: the group being read, and the groups behind it. */
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
    /** Queues a group. Its `take` is called once, or never if the disk hangs. */
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

/** Reads a group in a thread; all its files fail with EIO if the thread terminates. */
async function readGroup(
  thread: Thread<ReaderCalls>,
  { root, files: wanted, fixity, take }: Group,
): Promise<void> {
  const files = wanted.map(({ path, offered: { size, mtimeNs, ctimeNs, inode, device } }) => {
    return { path, offered: { size, mtimeNs, ctimeNs, inode, device } }
  })
  const memory = memoryFor(files.reduce((sum, { offered }) => sum + offered.size, 1))
  const result = await thread
    .call('read', { root, files, fixity, memory }, [memory.buffer])
    .catch((error) =>
      warnUnlessCode(error, [], 'a thread that reads has ended; its files are reported as EIO', null),
    )
  const failed: FileRead = { kind: 'failed', code: 'EIO' }
  // Deferred to a later turn: the thread then already has its next group, and the connection has been served.
  setImmediate(() => {
    if (result !== null) take(foundIn(result), result.directories)
    else
      take(
        files.map(() => failed),
        [],
      )
  })
}

/** Returns memory for the contents of a group; a large buffer also has room for a frame's header. */
const memoryFor = (bytes: number): Uint8Array<ArrayBuffer> =>
  batchBuffers.fits(bytes + batchBuffers.frontBytes) ? batchBuffers.takeRoom() : new Uint8Array(bytes)

/** Returns each file's result; the contents are not copied from the thread's buffer. */
function foundIn({ read, bytes, digests }: ReadResult): FileRead[] {
  let at = 0
  return read.map((found, index): FileRead => {
    if (found.kind !== 'content') return found
    const content = Buffer.from(bytes.buffer, bytes.byteOffset + at, found.length)
    const digest = Buffer.from(digests.buffer, digests.byteOffset + index * DIGEST_BYTES, DIGEST_BYTES)
    at += found.length
    return { kind: 'content', bytes: content, digest, fixity: toBuffers(found.fixity), facts: found.facts }
  })
}

/** A message between threads turns a Buffer into a Uint8Array. */
const toBuffers = (fixity: Readonly<Record<string, Uint8Array>>): Fixity =>
  Object.fromEntries(Object.entries(fixity).map(([kind, bytes]) => [kind, Buffer.from(bytes)]))
