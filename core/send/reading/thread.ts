import { Worker } from 'node:worker_threads'
import type { Facts } from '../facts.ts'
import type { Content, Unsent } from '../read.ts'
import type { ReadJob, ReadResult } from './protocol.ts'
import { SHA256_BYTES } from './protocol.ts'

/** A file that somebody waits for. */
export interface Wanted {
  file: string
  offered: Facts
  answer: (found: Content | Unsent) => void
}

/** A reading thread as seen from outside. */
export interface ReadingThread {
  read(files: readonly Wanted[]): Promise<void>
  close(): void
}

function tell(files: readonly Wanted[], { read, bytes, digests }: ReadResult): void {
  let at = 0
  for (const [index, { answer }] of files.entries()) {
    const found = read[index] ?? { kind: 'failed', code: 'EIO' }
    if (found.kind !== 'content') {
      answer(found)
      continue
    }
    const content = Buffer.from(bytes.buffer, bytes.byteOffset + at, found.length)
    const digest = Buffer.from(digests.subarray(index * SHA256_BYTES, (index + 1) * SHA256_BYTES))
    at += found.length
    answer({ kind: 'content', bytes: content, digest, mode: found.mode })
  }
}

/** @param onEnd is called if it ends by itself: then its files are answered, and it reads no more. */
export function startReadingThread(script: URL, onEnd: () => void): ReadingThread {
  const worker = new Worker(script, { resourceLimits: { maxYoungGenerationSizeMb: 4 } })
  const out = new Map<number, { files: readonly Wanted[]; done: () => void }>()
  let last = 0
  worker.unref()
  worker.on('message', (result: ReadResult) => {
    const job = out.get(result.id)
    out.delete(result.id)
    if (job === undefined) return
    tell(job.files, result)
    job.done()
  })
  const ended = () => {
    onEnd()
    for (const { files, done } of out.values()) {
      for (const { answer } of files) answer({ kind: 'failed', code: 'EIO' })
      done()
    }
    out.clear()
  }
  worker.once('error', ended)
  worker.once('exit', ended)
  return {
    read: (files) =>
      new Promise((done) => {
        last += 1
        out.set(last, { files, done })
        const job: ReadJob = { id: last, files: files.map(({ file, offered }) => ({ file, offered })) }
        worker.postMessage(job)
      }),
    close() {
      void worker.terminate()
    },
  }
}
