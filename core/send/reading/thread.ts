import { DIGEST_BYTES } from '../../files/digest.ts'
import { batchBuffers } from '../../wire/frame-buffers.ts'
import { openThread } from '../../worker/thread.ts'
import type { Found, Group } from './group.ts'
import type { ReaderCalls, ReadJob, ReadResult } from './protocol.ts'

/** A reading thread as seen from outside. */
export interface ReadingThread {
  /** Resolves when the group's files are answered. */
  read(group: Group): Promise<void>
  close(): void
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

/** @param onEnd is called if it ends by itself: then its files are answered, and it reads no more. */
export function startReadingThread(script: URL, onEnd: () => void): ReadingThread {
  const thread = openThread<ReaderCalls>(script, { youngMb: 4, onEnd })
  return {
    async read({ root, files: wanted, take }) {
      const files = wanted.map(({ path, offered: { size, mtimeNs, ctimeNs, inode, device } }) => {
        return { path, offered: { size, mtimeNs, ctimeNs, inode, device } }
      })
      const memory = memoryFor(files.reduce((sum, { offered }) => sum + offered.size, 1))
      const job: ReadJob = { root, files, memory }
      const result = await thread.call('read', job, [memory.buffer]).catch(() => null)
      if (result !== null) return take(foundIn(result), result.directories)
      take(
        files.map((_, index) => ({ index, content: { kind: 'failed', code: 'EIO' } })),
        [],
      )
    },
    close() {
      void thread.close()
    },
  }
}
