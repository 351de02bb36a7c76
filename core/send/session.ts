import type { Channel } from '../wire/channel.ts'
import { giveChunkBuffer } from '../wire/chunk-buffers.ts'
import { WireFault } from '../wire/codec.ts'
import type { FileStatus, Frame, FrameHeader, SmallFile } from '../wire/frames.ts'
import {
  BATCH_MAX_FILES,
  BATCH_TARGET_BYTES,
  BATCH_TARGET_HEADER_BYTES,
  COPY_PROTOCOL,
  fileStatuses,
  MAX_OPEN_FILES,
  RESUME_PROTOCOL,
} from '../wire/frames.ts'
import type { Semaphore } from '../wire/semaphore.ts'
import { createSemaphore } from '../wire/semaphore.ts'
import { createQuestions } from './questions.ts'

/** What the receiver said about a file; null: the connection was lost before it said anything. */
export type Answer = { status: FileStatus; detail: string } | null

export interface Outgoing {
  /** The source's folder at the destination. */
  source: string
  path: string
  size: number
  mtimeMs: number
  mode: number
}

export interface Upload {
  /** Bytes that the receiver has from before: they are not sent. */
  readonly offset: number
  /**
   * Sends the next bytes, and gives their memory back (giveChunkBuffer) when they are on the line; false: the
   * receiver has answered already, or the connection is lost.
   */
  chunk(bytes: Buffer): Promise<boolean>
  end(digest: Buffer): Promise<Answer>
  /** `keep`: the receiver may keep what it has, to go on with it. */
  abort(keep: boolean): Promise<Answer>
}

/** What the receiver's welcome says of the session: the version, and the first credit. */
export type Welcome = Pick<FrameHeader<'welcome'>, 'protocol' | 'bytes' | 'files'>

/** One connection that was welcomed, with its credits. */
export interface Session {
  /** Sends a whole small file, together with others; resolves with the receiver's answer. */
  sendSmall(file: Outgoing, bytes: Buffer, digest: Buffer, onWire: () => void): Promise<Answer>
  /**
   * Begins a large file; null: the connection is lost.
   * @param identity which file it is; given only where the receiver knows how to go on with one (`canResume`).
   */
  begin(file: Outgoing, identity?: string): Promise<Upload | null>
  readonly canResume: boolean
  /** Whether the receiver knows `copy`. */
  readonly canCopy: boolean
  /** Asks the receiver to copy a file of its own; `unknown`: it has no such content, which has to be sent. */
  copy(file: Outgoing, digest: Uint8Array, from: Pick<Outgoing, 'source' | 'path'>): Promise<Answer>
  onFrame(frame: Frame): void
  close(): void
  readonly closed: boolean
}

/** A batch that is not full waits this long for more files. */
const BATCH_WAIT_MS = 3

interface Pending {
  file: SmallFile
  bytes: Buffer
  headerBytes: number
  onWire: () => void
}

/** @param batchBytes how many bytes of contents one batch should hold, at most BATCH_TARGET_BYTES. */
export function openSession(
  channel: Channel,
  welcome: Welcome,
  batchBytes: () => number = () => BATCH_TARGET_BYTES,
): Session {
  const bytesCredit: Semaphore = createSemaphore(welcome.bytes)
  const filesCredit: Semaphore = createSemaphore(welcome.files)
  const openFiles: Semaphore = createSemaphore(MAX_OPEN_FILES)
  const answers = new Map<number, (answer: Answer) => void>()
  const copies = new Set<number>()
  const questions = createQuestions()
  let pending: Pending[] = []
  let pendingBytes = 0
  let pendingHeader = 0
  let timer: NodeJS.Timeout | null = null
  let flushing = false
  let lastId = 0
  let closed = false

  const expectAnswer = (): { id: number; answer: Promise<Answer> } => {
    lastId = (lastId + 1) >>> 0
    const id = lastId
    return { id, answer: new Promise((resolve) => answers.set(id, resolve)) }
  }

  const isFull = () =>
    pending.length >= BATCH_MAX_FILES ||
    pendingBytes >= batchBytes() ||
    pendingHeader >= BATCH_TARGET_HEADER_BYTES

  /** Takes the files of one frame out of those that wait. */
  const cut = (): Pending[] => {
    let bytes = 0
    let header = 0
    let count = 0
    const most = batchBytes()
    for (const one of pending) {
      if (count >= BATCH_MAX_FILES || bytes >= most || header >= BATCH_TARGET_HEADER_BYTES) break
      bytes += one.bytes.length
      header += one.headerBytes
      count += 1
    }
    pendingBytes -= bytes
    pendingHeader -= header
    return pending.splice(0, count)
  }

  const flush = async (): Promise<void> => {
    if (timer !== null) clearTimeout(timer)
    timer = null
    if (flushing) return
    flushing = true
    do {
      await channel.room()
      if (closed) return
      const batch = cut()
      if (batch.length === 0) break
      const files = batch.map(({ file }) => file)
      channel.send(
        'batch',
        { files },
        batch.map(({ bytes }) => bytes),
      )
      for (const { onWire } of batch) onWire()
    } while (isFull())
    flushing = false
    if (pending.length > 0) soon()
  }
  const soon = () => {
    timer ??= setTimeout(() => void flush(), BATCH_WAIT_MS)
  }

  const onResult = (results: Extract<Frame, { type: 'result' }>['header']['results']) => {
    for (const [id, code, detail] of results) {
      const status = fileStatuses[code]
      const resolve = answers.get(id)
      if (status === undefined || resolve === undefined) throw new WireFault(`result for unknown file ${id}`)
      if (!copies.delete(id) && status === 'unknown')
        throw new WireFault(`file ${id} was sent, not asked for`)
      answers.delete(id)
      resolve({ status, detail })
    }
    filesCredit.release(results.length)
  }

  return {
    async sendSmall({ source, path, size, mtimeMs, mode }, bytes, digest, onWire) {
      if (!(await filesCredit.acquire())) return null
      if (!(await bytesCredit.acquire(size))) return null
      const { id, answer } = expectAnswer()
      const headerBytes = Buffer.byteLength(path) + Buffer.byteLength(source) + 80
      pending.push({ file: [id, source, path, size, mtimeMs, mode, digest], bytes, headerBytes, onWire })
      pendingBytes += size
      pendingHeader += headerBytes
      if (isFull()) void flush()
      else soon()
      return answer
    },

    async begin({ source, path, size, mtimeMs, mode }, identity) {
      if (!(await openFiles.acquire())) return null
      if (!(await filesCredit.acquire())) return null
      const { id, answer } = expectAnswer()
      let answered = false
      void answer.then(() => {
        answered = true
      })
      const known = identity === undefined ? 0 : questions.ask(id, size)
      const file = identity === undefined ? {} : { file: identity }
      channel.send('begin', { id, source, path, size, time: mtimeMs, mode, ...file })
      // A file that is refused has no answer but the refusal.
      const offset = await Promise.race([known, answer.then(() => 0)])
      questions.forget(id)
      const finish = (): Promise<Answer> => {
        openFiles.release()
        return answer
      }
      return {
        offset,
        async chunk(bytes) {
          if (!(await bytesCredit.acquire(bytes.length))) return false
          await channel.room()
          if (closed || answered) {
            bytesCredit.release(bytes.length)
            return false
          }
          channel.send('chunk', { id }, [bytes], () => giveChunkBuffer(bytes))
          return true
        },
        end(digest) {
          channel.send('end', { id, digest })
          return finish()
        },
        abort(keep) {
          channel.send('abort', identity !== undefined && keep ? { id, keep } : { id })
          return finish()
        },
      }
    },

    canResume: welcome.protocol >= RESUME_PROTOCOL,
    canCopy: welcome.protocol >= COPY_PROTOCOL,
    async copy({ source, path, size, mtimeMs, mode }, digest, from) {
      if (!(await filesCredit.acquire())) return null
      const { id, answer } = expectAnswer()
      copies.add(id)
      const names = { source, path, fromSource: from.source, fromPath: from.path }
      channel.send('copy', { id, ...names, size, time: mtimeMs, mode, digest })
      return answer
    },

    onFrame(frame) {
      if (frame.type === 'result') onResult(frame.header.results)
      else if (frame.type === 'credit') bytesCredit.release(frame.header.bytes)
      else if (frame.type === 'resume') questions.answer(frame.header)
      else throw new WireFault(`${frame.type} frame not expected now`)
    },

    close() {
      closed = true
      if (timer !== null) clearTimeout(timer)
      pending = []
      bytesCredit.close()
      filesCredit.close()
      openFiles.close()
      for (const resolve of answers.values()) resolve(null)
      answers.clear()
    },
    get closed() {
      return closed
    },
  }
}
