import { Worker } from 'node:worker_threads'
import { DIGEST_BYTES } from '../../files/digest.ts'
import { batchBuffers } from '../../wire/frame-buffers.ts'
import type { Found, Group } from './group.ts'
import type { ReadJob, ReadResult } from './protocol.ts'

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
  const worker = new Worker(script, {
    resourceLimits: { maxYoungGenerationSizeMb: 4 },
    // What the C library opened it closes as what Node.js opened.
    trackUnmanagedFds: false,
  })
  const out = new Map<number, { group: Group; done: () => void }>()
  let last = 0
  worker.unref()
  worker.on('message', (result: ReadResult) => {
    const job = out.get(result.id)
    out.delete(result.id)
    if (job === undefined) return
    job.group.take(foundIn(result), result.directories)
    job.done()
  })
  const ended = () => {
    onEnd()
    for (const { group, done } of out.values()) {
      group.take(
        group.files.map((_, index) => ({ index, content: { kind: 'failed', code: 'EIO' } })),
        [],
      )
      done()
    }
    out.clear()
  }
  worker.once('error', ended)
  worker.once('exit', ended)
  return {
    read: (group) =>
      new Promise((done) => {
        last += 1
        out.set(last, { group, done })
        const files = group.files.map(({ path, offered: { size, mtimeNs, ctimeNs, inode, device } }) => {
          return { path, offered: { size, mtimeNs, ctimeNs, inode, device } }
        })
        const memory = memoryFor(files.reduce((sum, { offered }) => sum + offered.size, 1))
        const job: ReadJob = { id: last, root: group.root, files, memory }
        worker.postMessage(job, [memory.buffer])
      }),
    close() {
      void worker.terminate()
    },
  }
}
