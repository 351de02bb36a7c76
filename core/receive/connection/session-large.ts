import { createSemaphore } from '../../pacing/semaphore.ts'
import { WireFault } from '../../wire/codec.ts'
import { chunkBuffers } from '../../wire/frame-buffers.ts'
import type { FrameHeader } from '../../wire/frames.ts'
import { MAX_CHUNKS, MAX_OPEN_FILES } from '../../wire/limits.ts'
import type { Outcome } from '../file-refused.ts'
import type { IncomingFile } from '../store/store.ts'
import type { Asked, SessionParts } from './session-parts.ts'

/**
 * Large files of one connection that are open or on their way to the disk. A sender may have MAX_OPEN_FILES that it has
 * not ended; those that it has ended are open until they are durable.
 */
const LARGE_AT_ONCE = 64

interface OpenFile extends Asked {
  file: IncomingFile
  /** It failed half way, and the sender was told so: its end needs no answer any more. */
  answered: boolean
  /** The sender has asked how much is there, and does not know yet. */
  asked: boolean
  left: number
}

/** Stores large files, which come in pieces. Each of its calls throws a WireFault where it may not come. */
export interface LargeFiles {
  begin(header: FrameHeader<'begin'>): void
  chunk(header: FrameHeader<'chunk'>, payload: Buffer): void
  end(header: FrameHeader<'end'>): void
  abort(header: FrameHeader<'abort'>): void
  /** The connection is gone. Half files are thrown away; `keep`: but those that can be gone on with. */
  close(keep: boolean): void
}

/** @param tell is called with how much of a file is there, for a sender that asked. */
export function openLargeFiles(
  { store, folder, answers, arriving, answer }: SessionParts,
  tell: (header: FrameHeader<'resume'>) => void,
): LargeFiles {
  const open = new Map<number, OpenFile>()
  const turns = createSemaphore(LARGE_AT_ONCE)
  /** That came, and are held in memory. */
  let chunks = 0

  const opened = (id: number): OpenFile => {
    const one = open.get(id)
    if (one === undefined) throw new WireFault(`file ${id} is not open`)
    return one
  }

  /** A file that cannot be stored any more is answered at once: its sender need not send the rest. */
  const written = (one: OpenFile, bytes: number) => {
    if (bytes > 0) answers.giveBack(bytes)
    const { refused } = one.file
    if (refused === null || one.answered || open.get(one.id) !== one) return
    one.answered = true
    answer(one, refused)
  }

  const resume = (one: OpenFile, offset: number | null) => {
    if (offset === null) return written(one, 0)
    one.asked = false
    one.left -= offset
    if (open.get(one.id) === one) tell({ id: one.id, offset })
  }

  const finish = (id: number, ending: (file: IncomingFile) => Promise<Outcome>) => {
    const one = opened(id)
    open.delete(id)
    void ending(one.file).then((outcome) => {
      if (!one.answered) answer(one, outcome)
    })
  }

  return {
    begin({ id, source, path, size, time: mtimeMs, mode, file: identity, hash }) {
      if (open.has(id)) throw new WireFault(`begin: file ${id} is open already`)
      if (open.size >= MAX_OPEN_FILES) throw new WireFault('begin: too many open files')
      answers.spend(0, 1)
      const facts = { folder, source, path, size, mtimeMs, mode, arrival: arriving.next(), hash }
      const file = store.begin(facts, identity, turns)
      const asked = identity !== undefined
      const one: OpenFile = { id, source, path, size, file, answered: false, asked, left: size }
      open.set(id, one)
      if (asked) void file.offset.then((offset) => resume(one, offset))
    },
    chunk({ id }, payload) {
      const one = opened(id)
      const bytes = payload.length
      if (bytes === 0) throw new WireFault('chunk: nothing in it')
      if (chunks >= MAX_CHUNKS) throw new WireFault('chunk: too many that are not written yet')
      answers.spend(bytes, 0)
      one.left -= bytes
      if (one.asked && !one.answered) throw new WireFault('chunk: before it is known where to go on')
      if (one.left < 0) throw new WireFault('chunk: beyond the end of the file')
      chunks += 1
      void one.file.write(payload).then(() => {
        chunks -= 1
        chunkBuffers.give(payload)
        written(one, bytes)
      })
    },
    end: ({ id, digest }) => finish(id, (file) => file.finish(digest)),
    abort: ({ id, keep }) =>
      finish(id, async (file) => {
        await file.abort(keep)
        return file.refused ?? { status: 'aborted', detail: '' }
      }),
    close(keep) {
      for (const { file } of open.values()) void file.abort(keep)
      answers.forget([...open.values()].filter(({ answered }) => !answered).length)
      open.clear()
    },
  }
}
