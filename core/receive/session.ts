import type { Channel } from '../wire/channel.ts'
import { giveChunkBuffer } from '../wire/chunk-buffers.ts'
import { WireFault } from '../wire/codec.ts'
import type { Frame } from '../wire/frames.ts'
import type { FileStatus } from '../wire/limits.ts'
import { DIGEST_BYTES, MAX_OPEN_FILES } from '../wire/limits.ts'
import { createSemaphore } from '../wire/semaphore.ts'
import type { SmallFile } from '../wire/small-entries.ts'
import type { Window } from './answers.ts'
import { openAnswers } from './answers.ts'
import type { Outcome } from './file-refused.ts'
import type { IncomingFile, SmallIncoming, Store } from './store.ts'

/**
 * Large files of one connection that are open or on their way to the disk. A sender may have MAX_OPEN_FILES that it has
 * not ended; those that it has ended are open until they are durable.
 */
const LARGE_AT_ONCE = 64
/** Copies of one connection that wait for their turn at the store, which serves whoever asks first. */
const COPIES_AT_ONCE = 8

export interface SendingHandlers {
  /** Files became durable. */
  onReceived(files: number, bytes: number): void
  /** A file was not stored. */
  onRefused(source: string, path: string, outcome: Outcome): void
}

/** The part of a connection that stores files, for a sender that was let in. */
export interface Sending {
  handle(frame: Frame): void
  /** The connection is gone. Half files are thrown away; `keep`: but those that can be gone on with. */
  close(keep: boolean): void
}

interface OpenFile {
  file: IncomingFile
  /** It failed half way, and the sender was told so: its end needs no answer any more. */
  answered: boolean
  /** The sender has asked how much is there, and does not know yet. */
  asked: boolean
  source: string
  path: string
  size: number
  left: number
}

const stored = (status: FileStatus) => status === 'durable' || status === 'same'

/** @param folder the sender's folder in the store. */
export function openSending(
  channel: Channel,
  store: Store,
  folder: string,
  window: Window,
  handlers: SendingHandlers,
): Sending {
  const open = new Map<number, OpenFile>()
  const gone = new AbortController()
  const arriving = store.enter(folder)
  let isClosed = false
  const leaveWhenIdle = () => {
    if (isClosed && answers.isIdle) arriving.leave()
  }
  const answers = openAnswers(channel, window, leaveWhenIdle)
  const largeTurns = createSemaphore(LARGE_AT_ONCE)
  const copyTurns = createSemaphore(COPIES_AT_ONCE)

  const answer = (id: number, source: string, path: string, size: number, outcome: Outcome) => {
    if (stored(outcome.status)) handlers.onReceived(1, size)
    else if (outcome.status !== 'aborted' && outcome.status !== 'unknown')
      handlers.onRefused(source, path, outcome)
    answers.add(id, outcome)
  }

  const receiveBatch = (files: readonly SmallFile[], payload: Buffer) => {
    const total = files.reduce((sum, file) => sum + file[3], 0)
    if (total !== payload.length) throw new WireFault('batch: sizes and payload differ')
    answers.spend(total, files.length)
    const arrival = arriving.next()
    const digests = Buffer.concat(files.map((file) => file[6]))
    let at = 0
    const incoming = files.map(([, source, path, size, mtimeMs, mode], index): SmallIncoming => {
      const bytes = payload.subarray(at, at + size)
      at += size
      const digest = digests.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES)
      return { facts: { folder, source, path, size, mtimeMs, mode, arrival }, bytes, digest }
    })
    // Only these are kept until all are answered.
    const asked = files.map(([id, source, path, size]) => ({ id, source, path, size, held: size }))
    // Bytes come back once they are written, long before the file is durable: over a long line, or while the disk
    // syncs, the next ones are on their way already. How many files wait is bounded by their own credit.
    const letGo = (index: number) => {
      const file = asked[index]
      if (file === undefined || file.held === 0) return
      answers.giveBack(file.held)
      file.held = 0
    }
    store.receiveAll(incoming, {
      // The frame's own (codec.ts), of which nothing else is used any more.
      memory: payload.buffer,
      onWritten: letGo,
      onStored(index, outcome) {
        letGo(index)
        const file = asked[index]
        if (file !== undefined) answer(file.id, file.source, file.path, file.size, outcome)
      },
    })
  }

  const begin = (header: Extract<Frame, { type: 'begin' }>['header']) => {
    const { id, source, path, size, time: mtimeMs, mode, file: identity } = header
    if (open.has(id)) throw new WireFault(`begin: file ${id} is open already`)
    if (open.size >= MAX_OPEN_FILES) throw new WireFault('begin: too many open files')
    answers.spend(0, 1)
    const facts = { folder, source, path, size, mtimeMs, mode, arrival: arriving.next() }
    const file = store.begin(facts, identity, largeTurns)
    const asked = identity !== undefined
    const one: OpenFile = { file, answered: false, asked, source, path, size, left: size }
    open.set(id, one)
    if (asked) void file.offset.then((offset) => resume(id, one, offset))
  }

  const resume = (id: number, one: OpenFile, offset: number | null) => {
    if (offset === null) return written(id, one, 0)
    one.asked = false
    one.left -= offset
    if (open.get(id) === one) channel.send('resume', { id, offset })
  }

  /** Nothing came over the line, so nothing is counted as received but the file. */
  const copy = (header: Extract<Frame, { type: 'copy' }>['header']) => {
    const { id, source, path, size, time: mtimeMs, mode, digest, fromSource, fromPath } = header
    answers.spend(0, 1)
    const from = { source: fromSource, path: fromPath }
    const facts = { folder, source, path, size, mtimeMs, mode, arrival: arriving.next() }
    const isQuestion = source === fromSource && path === fromPath
    void copyTurns
      .acquire()
      .then(() => store.copy(facts, from, digest, gone.signal))
      .then((outcome) => {
        copyTurns.release()
        // A question whether a file is still there stores none.
        if (isQuestion) answers.add(id, outcome)
        else answer(id, source, path, 0, outcome)
      })
  }

  const opened = (id: number): OpenFile => {
    const one = open.get(id)
    if (one === undefined) throw new WireFault(`file ${id} is not open`)
    return one
  }

  /** A file that cannot be stored any more is answered at once: its sender need not send the rest. */
  const written = (id: number, one: OpenFile, bytes: number) => {
    if (bytes > 0) answers.giveBack(bytes)
    const { refused } = one.file
    if (refused === null || one.answered || open.get(id) !== one) return
    one.answered = true
    answer(id, one.source, one.path, one.size, refused)
  }

  const finish = (id: number, ending: (file: IncomingFile) => Promise<Outcome>) => {
    const one = opened(id)
    const { file, source, path, size } = one
    open.delete(id)
    void ending(file).then((outcome) => {
      if (!one.answered) answer(id, source, path, size, outcome)
    })
  }

  return {
    handle(frame) {
      switch (frame.type) {
        case 'batch':
          receiveBatch(frame.header.files, frame.payload)
          return
        case 'begin':
          begin(frame.header)
          return
        case 'copy':
          copy(frame.header)
          return
        case 'chunk': {
          const one = opened(frame.header.id)
          const bytes = frame.payload.length
          answers.spend(bytes, 0)
          one.left -= bytes
          if (one.asked && !one.answered) throw new WireFault('chunk: before it is known where to go on')
          if (one.left < 0) throw new WireFault('chunk: beyond the end of the file')
          void one.file.write(frame.payload).then(() => {
            giveChunkBuffer(frame.payload)
            written(frame.header.id, one, bytes)
          })
          return
        }
        case 'end': {
          const { digest } = frame.header
          finish(frame.header.id, (file) => file.finish(digest))
          return
        }
        case 'abort': {
          const { keep } = frame.header
          finish(frame.header.id, async (file) => {
            await file.abort(keep)
            return file.refused ?? { status: 'aborted', detail: '' }
          })
          return
        }
        default:
          throw new WireFault(`${frame.type} frame not expected now`)
      }
    },
    close(keep) {
      for (const { file } of open.values()) void file.abort(keep)
      answers.forget([...open.values()].filter(({ answered }) => !answered).length)
      open.clear()
      gone.abort()
      isClosed = true
      leaveWhenIdle()
    },
  }
}
