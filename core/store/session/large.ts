import { createSemaphore } from '../../pacing/semaphore.ts'
import { WireFault } from '../../wire/codec.ts'
import { factsOfWords } from '../../wire/facts.ts'
import { chunkBuffers } from '../../wire/frame-buffers.ts'
import type { FrameHeader } from '../../wire/frames.ts'
import { MAX_CHUNKS, MAX_OPEN_FILES } from '../../wire/limits.ts'
import { outcomeOf } from '../outcome.ts'
import type { IncomingFile, Stored } from '../store.ts'
import type { AskedFile, SessionParts } from './session.ts'
import { toldOf } from './session.ts'
import type { SourceLookup } from './sources.ts'

/**
 * Large files of one session that are open or on their way to the disk. A sender may have MAX_OPEN_FILES that it has
 * not ended; those that it has ended are open until they are durable.
 */
const LARGE_AT_ONCE = 64

interface OpenFile extends AskedFile {
  /** Once its source is known. */
  file: Promise<IncomingFile>
  /** It failed half way, and the sender was told so: its end needs no answer any more. */
  answered: boolean
  /** The sender has asked how much is there, and does not know yet. */
  asked: boolean
  left: number
}

/** One that cannot be stored, as its source is not known. */
function refusedFile(thrown: unknown): IncomingFile {
  const outcome = outcomeOf(thrown)
  return {
    offset: Promise.resolve(null),
    refused: outcome,
    write: () => Promise.resolve(),
    finish: () => Promise.resolve({ outcome, position: 0 }),
    abort: () => Promise.resolve(),
  }
}

/**
 * Stores large files, which come in pieces. Each of its calls throws a WireFault where it may not come.
 * @param tell is called with how much of a file is there, for a sender that asked.
 */
export function openLargeFiles(
  { store, answers, sources, session, answer }: SessionParts,
  tell: (header: FrameHeader<'resume'>) => void,
) {
  const open = new Map<number, OpenFile>()
  /** Those that are ended, too, and not stored yet. */
  const live = new Set<Promise<IncomingFile>>()
  const turns = createSemaphore(LARGE_AT_ONCE)
  /** That came, and are held in memory. */
  let chunks = 0

  const opened = (id: number): OpenFile => {
    const one = open.get(id)
    if (one === undefined) throw new WireFault(`file ${id} is not open`)
    return one
  }

  /** A file that cannot be stored any more is answered at once: its sender need not send the rest. */
  const written = (one: OpenFile, { refused }: IncomingFile, bytes: number) => {
    if (bytes > 0) answers.giveBack(bytes)
    if (refused === null || one.answered || open.get(one.id) !== one) return
    one.answered = true
    answer(one, { outcome: refused, position: 0 })
  }

  const resume = (one: OpenFile, file: IncomingFile, offset: number | null) => {
    if (offset === null) return written(one, file, 0)
    one.asked = false
    one.left -= offset
    if (open.get(one.id) === one) tell({ id: one.id, offset })
  }

  const finish = (id: number, ending: (file: IncomingFile) => Promise<Stored>) => {
    const one = opened(id)
    open.delete(id)
    void one.file.then(ending).then((outcome) => {
      live.delete(one.file)
      if (!one.answered) answer(one, outcome)
    })
  }

  const start = async (
    { source: number, path, size, facts, file: identity, directories }: FrameHeader<'begin'>,
    finding: Promise<SourceLookup>,
  ): Promise<IncomingFile> => {
    try {
      const found = await finding
      const offered = { source: found(number), path, facts: factsOfWords(facts, size), session }
      return store.begin(offered, { identity, directories: toldOf(directories, found), turns })
    } catch (thrown) {
      return refusedFile(thrown)
    }
  }

  return {
    begin(header: FrameHeader<'begin'>) {
      const { id, source, path, size, file: identity } = header
      if (open.has(id)) throw new WireFault(`begin: file ${id} is open already`)
      if (open.size >= MAX_OPEN_FILES) throw new WireFault('begin: too many open files')
      answers.spend(0, 1)
      const finding = sources.find([source, ...header.directories.map(([number]) => number)])
      const asked = identity !== undefined
      const file = start(header, finding)
      const one: OpenFile = {
        ...{ id, source: sources.nameOf(source), path, size },
        ...{ file, answered: false, asked, left: size },
      }
      open.set(id, one)
      live.add(file)
      void file.then(async (started) => {
        const offset = await started.offset
        if (asked) resume(one, started, offset)
        else if (offset === null) written(one, started, 0)
      })
    },
    chunk({ id, zeros = 0 }: FrameHeader<'chunk'>, payload: Buffer) {
      const one = opened(id)
      const bytes = payload.length + zeros
      if (bytes === 0 || (zeros > 0 && payload.length > 0)) throw new WireFault('chunk: bytes or zeros')
      if (chunks >= MAX_CHUNKS) throw new WireFault('chunk: too many that are not written yet')
      answers.spend(bytes, 0)
      one.left -= bytes
      if (one.asked && !one.answered) throw new WireFault('chunk: before it is known where to go on')
      if (one.left < 0) throw new WireFault('chunk: beyond the end of the file')
      chunks += 1
      void one.file.then(async (file) => {
        await file.write(zeros > 0 ? zeros : payload)
        chunks -= 1
        if (zeros === 0) chunkBuffers.give(payload)
        written(one, file, bytes)
      })
    },
    end({ id, digest }: FrameHeader<'end'>) {
      const own = Buffer.from(digest)
      finish(id, (file) => file.finish(own))
    },
    abort: ({ id, keep = false }: FrameHeader<'abort'>) =>
      finish(id, async (file) => {
        await file.abort(keep)
        return { outcome: file.refused ?? { status: 'aborted', detail: '' }, position: 0 }
      }),
    /** The session is over. Partial files are removed; `keep`: but those that can be resumed. */
    close(keep: boolean) {
      for (const file of live) void file.then((one) => one.abort(keep))
      open.clear()
    },
  }
}
