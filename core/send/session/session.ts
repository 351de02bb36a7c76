import type { DigestKind } from '../../files/digest.ts'
import { digestKindOf } from '../../files/digest.ts'
import type { Semaphore } from '../../pacing/semaphore.ts'
import { createSemaphore } from '../../pacing/semaphore.ts'
import type { Channel } from '../../wire/channel.ts'
import { WireFault } from '../../wire/codec.ts'
import { chunkBuffers } from '../../wire/frame-buffers.ts'
import type { Frame, FrameHeader } from '../../wire/frames.ts'
import type { FileStatus } from '../../wire/limits.ts'
import {
  BATCH_MAX_FILES,
  BATCH_TARGET_BYTES,
  BLAKE3_PROTOCOL,
  COPY_PROTOCOL,
  fileStatuses,
  MAX_OPEN_FILES,
  OLD_SMALL_FILE_BYTES,
  RESUME_PROTOCOL,
  SMALL_FILE_BYTES,
  WHOLE_MIB_PROTOCOL,
} from '../../wire/limits.ts'
import { headerBytesOf, openBatches } from './batches.ts'
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
   * Sends the next bytes, and gives their memory back (chunkBuffers) when they are on the line; false: the
   * receiver has answered already, or the connection is lost.
   */
  chunk(bytes: Buffer): Promise<boolean>
  end(digest: Buffer): Promise<Answer>
  /** `keep`: the receiver may keep what it has, to go on with it. */
  abort(keep: boolean): Promise<Answer>
}

/** What the receiver's welcome says of the session: the version, and the first credit. */
export type Welcome = Pick<FrameHeader<'welcome'>, 'protocol' | 'bytes' | 'files'>

/** A small file with its content. */
export interface SmallOutgoing extends Outgoing {
  bytes: Uint8Array
  digest: Uint8Array
}

export interface SmallEvents {
  /**
   * The line has room, for them or for those before them. False: they are not sent after all; nothing more is called.
   */
  onTurn(): boolean
  /** Their bytes are on the line, and held no more. Not called when the connection is lost before. */
  onWire(): void
  /** Their bytes' memory may be used again; not called where the connection was lost before. */
  onUsed(): void
  /** What became of one of the files, by its index. */
  onAnswer(index: number, answer: Answer): void
}

/** How much `sendSmall` takes in one call. A single file always goes. */
export interface SmallLimits {
  files: number
  bytes: number
  /** A larger file travels in chunks. */
  fileBytes: number
}

/** One connection that was welcomed, with its credits. */
export interface Session {
  /** Sends whole small files, maybe together with others; resolves when more may come. */
  sendSmall(files: readonly SmallOutgoing[], events: SmallEvents): Promise<void>
  readonly smallLimits: SmallLimits
  /**
   * Begins a large file; null: the connection is lost.
   * @param identity which file it is; given only where the receiver knows how to go on with one (`canResume`).
   */
  begin(file: Outgoing, identity?: string): Promise<Upload | null>
  readonly canResume: boolean
  /** How the digests of what is sent are made. */
  readonly digests: DigestKind
  /** Whether the receiver can be asked for a copy of a content with this digest, or whether it still has it. */
  canCopy(digest: Uint8Array): boolean
  /** Asks the receiver to copy a file of its own; `unknown`: it has no such content, which has to be sent. */
  copy(file: Outgoing, digest: Uint8Array, from: Pick<Outgoing, 'source' | 'path'>): Promise<Answer>
  onFrame(frame: Frame): void
  close(): void
  readonly closed: boolean
}

/** Who is told of the answers to files whose numbers follow each other. */
interface Asker {
  first: number
  tell(index: number, answer: Answer): void
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
  const askers = new Map<number, Asker>()
  const copies = new Set<number>()
  const questions = createQuestions()
  const batches = openBatches(channel, batchBytes)
  const digests: DigestKind = welcome.protocol >= BLAKE3_PROTOCOL ? 'blake3' : 'sha256'
  let lastId = 0
  let closed = false

  /** Numbers for so many files, whose answers `tell` hears. */
  const ask = (files: number, tell: Asker['tell']): number => {
    const asker = { first: (lastId + 1) >>> 0, tell }
    for (let count = 0; count < files; count += 1) {
      lastId = (lastId + 1) >>> 0
      askers.set(lastId, asker)
    }
    return asker.first
  }
  const askOne = (): { id: number; answer: Promise<Answer> } => {
    let id = 0
    const answer = new Promise<Answer>((resolve) => {
      id = ask(1, (_, said) => resolve(said))
    })
    return { id, answer }
  }

  const onResult = (results: Extract<Frame, { type: 'result' }>['header']['results']) => {
    for (const [id, code, detail] of results) {
      const status = fileStatuses[code]
      const asker = askers.get(id)
      if (status === undefined || asker === undefined) throw new WireFault(`result for unknown file ${id}`)
      if (!copies.delete(id) && status === 'unknown')
        throw new WireFault(`file ${id} was sent, not asked for`)
      askers.delete(id)
      asker.tell((id - asker.first) >>> 0, { status, detail })
    }
    filesCredit.release(results.length)
  }

  return {
    smallLimits: {
      files: Math.max(1, Math.min(BATCH_MAX_FILES, welcome.files)),
      get bytes() {
        return Math.min(batchBytes(), welcome.bytes)
      },
      // On a slow line others wait for a frame: then its files are small ones.
      get fileBytes() {
        const most = welcome.protocol >= WHOLE_MIB_PROTOCOL ? SMALL_FILE_BYTES : OLD_SMALL_FILE_BYTES
        return Math.min(most, Math.max(OLD_SMALL_FILE_BYTES, Math.min(batchBytes(), welcome.bytes)))
      },
    },

    async sendSmall(files, { onTurn, onWire, onUsed, onAnswer }) {
      const bytes = files.reduce((total, { size }) => total + size, 0)
      const hasCredit = (await filesCredit.acquire(files.length)) && (await bytesCredit.acquire(bytes))
      // It may have ended between the credit and this.
      if (!hasCredit || closed) {
        for (const index of files.keys()) onAnswer(index, null)
        return
      }
      const first = ask(files.length, onAnswer)
      batches.add({
        files: files.map(({ source, path, size, mtimeMs, mode, digest }, index) => {
          return [(first + index) >>> 0, source, path, size, mtimeMs, mode, digest]
        }),
        payload: files.map((file) => file.bytes),
        bytes,
        headerBytes: files.reduce((total, file) => total + headerBytesOf(file), 0),
        onTurn() {
          if (onTurn()) return true
          for (const index of files.keys()) askers.delete((first + index) >>> 0)
          filesCredit.release(files.length)
          bytesCredit.release(bytes)
          return false
        },
        onWire,
        onUsed,
      })
    },

    async begin({ source, path, size, mtimeMs, mode }, identity) {
      if (!(await openFiles.acquire())) return null
      if (!(await filesCredit.acquire()) || closed) return null
      const { id, answer } = askOne()
      let answered = false
      void answer.then(() => {
        answered = true
      })
      const known = identity === undefined ? 0 : questions.ask(id, size)
      const file = identity === undefined ? {} : { file: identity }
      const hash = digests === 'blake3' ? { hash: 'blake3' as const } : {}
      channel.send('begin', { id, source, path, size, time: mtimeMs, mode, ...file, ...hash })
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
          channel.send('chunk', { id }, [bytes], () => chunkBuffers.give(bytes))
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
    digests,
    canCopy: (digest) =>
      welcome.protocol >= (digestKindOf(digest) === 'blake3' ? BLAKE3_PROTOCOL : COPY_PROTOCOL),
    async copy({ source, path, size, mtimeMs, mode }, digest, from) {
      if (!(await filesCredit.acquire()) || closed) return null
      const { id, answer } = askOne()
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
      batches.close()
      bytesCredit.close()
      filesCredit.close()
      openFiles.close()
      const lost = [...askers]
      askers.clear()
      for (const [id, { first, tell }] of lost) tell((id - first) >>> 0, null)
    },
    get closed() {
      return closed
    },
  }
}
