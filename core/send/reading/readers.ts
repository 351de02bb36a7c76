import { setImmediate as turn } from 'node:timers/promises'
import { DIGEST_BYTES } from '../../files/digest.ts'
import { batchBuffers } from '../../wire/frame-buffers.ts'
import type { Thread } from '../../worker/thread.ts'
import { openThread } from '../../worker/thread.ts'
import type { Found, Group, ReaderCalls, ReadResult } from './group.ts'

/** Threads that read, without those that hang. */
const THREADS = 4
/** A thread that has not answered for so long hangs with its disk: another one may take its place. */
const HANGS_AFTER_MS = 3_000
/** Groups of one source that its thread has: the next one is there when one is done. */
const GROUPS_AT_ONCE = 2

/** Reads small files, the sources in turn, of each in a thread that no other source waits for. */
export interface Readers {
  /** The group's `take` is called once; a disk that hangs leaves it unanswered. */
  read(source: string, group: Group): void
  close(): void
}

interface Reader {
  thread: Thread<ReaderCalls>
  /** Groups that are out. */
  out: number
  hangs: boolean
  timer: NodeJS.Timeout | null
}

interface SourceReads {
  waiting: Group[]
  reader: Reader | null
}

/** The contents stay where the thread has put them, one after the other. */
function foundIn({ read, bytes, digests }: ReadResult): Found[] {
  let at = 0
  return read.map((found, index): Found => {
    if (found.kind !== 'content') return { index, content: found }
    const content = Buffer.from(bytes.buffer, bytes.byteOffset + at, found.length)
    const digest = Buffer.from(digests.buffer, digests.byteOffset + index * DIGEST_BYTES, DIGEST_BYTES)
    at += found.length
    return { index, content: { kind: 'content', bytes: content, digest, facts: found.facts } }
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
  const result = await thread.call('read', { root, files, memory }, [memory.buffer]).catch(() => null)
  if (result !== null) return take(foundIn(result), result.directories)
  take(
    files.map((_, index) => ({ index, content: { kind: 'failed', code: 'EIO' } })),
    [],
  )
}

/** @param script is the threads' own. */
export function openReaders(script: URL): Readers {
  /** Those that have something to read, the next one first. */
  const sources = new Map<string, SourceReads>()
  const readers = new Set<Reader>()
  let isClosed = false

  const freeReader = (): Reader | null => {
    const active = [...readers].filter((one) => !one.hangs)
    const free = active.find(({ out }) => out === 0)
    if (free !== undefined) return free
    if (active.length >= THREADS) return null
    const thread = openThread<ReaderCalls>(script, { youngMb: 4 })
    const started: Reader = { thread, out: 0, hangs: false, timer: null }
    readers.add(started)
    return started
  }

  const watch = (reader: Reader) => {
    if (reader.timer !== null) clearTimeout(reader.timer)
    reader.hangs = false
    if (reader.out === 0) return
    reader.timer = setTimeout(() => {
      reader.hangs = true
      serve()
    }, HANGS_AFTER_MS)
    reader.timer.unref()
  }

  /** The source's thread is done with it. */
  const leave = (source: string, reads: SourceReads, reader: Reader) => {
    reads.reader = null
    sources.delete(source)
    // Behind the others.
    if (reads.waiting.length > 0) sources.set(source, reads)
    if ([...readers].filter((one) => !one.hangs).length <= THREADS) return
    readers.delete(reader)
    void reader.thread.close()
  }

  const begin = async (source: string, reads: SourceReads, reader: Reader, group: Group): Promise<void> => {
    reads.reader = reader
    reader.out += 1
    if (reader.out === 1) watch(reader)
    await readGroup(reader.thread, group)
    reader.out -= 1
    watch(reader)
    if (reader.out === 0) leave(source, reads, reader)
    // In a turn of its own: threads that answer at once would leave the line no turn at all.
    await turn()
    serve()
  }

  const serve = (): void => {
    if (isClosed) return
    let isContended = false
    for (const [source, reads] of sources) {
      if (reads.reader !== null) continue
      const reader = freeReader()
      isContended ||= reader === null
      const group = reader === null ? undefined : reads.waiting.shift()
      if (reader !== null && group !== undefined) void begin(source, reads, reader, group)
    }
    // While sources wait for a thread, each that has one leaves it after what is out.
    if (isContended) return
    for (const [source, reads] of sources) {
      while (reads.reader !== null && reads.reader.out < GROUPS_AT_ONCE) {
        const group = reads.waiting.shift()
        if (group === undefined) break
        void begin(source, reads, reads.reader, group)
      }
    }
  }

  return {
    read(source, group) {
      const reads = sources.get(source) ?? { waiting: [], reader: null }
      sources.set(source, reads)
      reads.waiting.push(group)
      serve()
    },
    close() {
      isClosed = true
      for (const { thread, timer } of readers) {
        if (timer !== null) clearTimeout(timer)
        void thread.close()
      }
    },
  }
}
