import { createSemaphore } from '../../lib/async/semaphore.ts'
import { WireFault } from '../../protocol/codec.ts'
import { factsOfWords } from '../../protocol/facts.ts'
import { chunkBuffers } from '../../protocol/frame-buffers.ts'
import type { FrameHeader } from '../../protocol/frames.ts'
import { MAX_CHUNKS, MAX_OPEN_FILES } from '../../protocol/limits.ts'
import { outcomeOf } from '../outcome.ts'
import type { IncomingFile, Stored } from '../store.ts'
import { type AskedFile, type SessionParts, toldOf } from './upload-session.ts'

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
function refusedFile(error: unknown): IncomingFile {
  const outcome = outcomeOf(error)
  return {
    offset: Promise.resolve(null),
    refused: outcome,
    write: () => Promise.resolve(),
    finish: () => Promise.resolve({ outcome, position: 0 }),
    abort: () => Promise.resolve(),
  }
}

/** Stores large files, which come in pieces. Each of its calls throws a WireFault where it may not come. */
export class LargeFiles {
  readonly #parts: SessionParts
  readonly #tell: (header: FrameHeader<'resume'>) => void
  readonly #open = new Map<number, OpenFile>()
  /** Those that are ended, too, and not stored yet. */
  readonly #live = new Set<Promise<IncomingFile>>()
  readonly #turns = createSemaphore(LARGE_AT_ONCE)
  /** That came, and are held in memory. */
  #chunks = 0

  /** @param tell is called with how much of a file is there, for a sender that asked. */
  constructor(parts: SessionParts, tell: (header: FrameHeader<'resume'>) => void) {
    this.#parts = parts
    this.#tell = tell
  }

  begin(header: FrameHeader<'begin'>): void {
    const { answers, sources } = this.#parts
    const { id, source, path, size } = header
    if (this.#open.has(id)) throw new WireFault(`begin: file ${id} is open already`)
    if (this.#open.size >= MAX_OPEN_FILES) throw new WireFault('begin: too many open files')
    answers.spend(0, 1)
    const file = this.#start(header)
    const one: OpenFile = {
      ...{ id, source: sources.nameOf(source), path, size },
      ...{ file, answered: false, asked: header.file !== undefined, left: size },
    }
    this.#open.set(id, one)
    this.#live.add(file)
    void file.then(async (started) => {
      const offset = await started.offset
      if (offset === null) return this.#written(one, started, 0)
      if (!one.asked) return
      one.asked = false
      one.left -= offset
      if (this.#open.get(id) === one) this.#tell({ id, offset })
    })
  }

  chunk({ id, zeros = 0 }: FrameHeader<'chunk'>, payload: Buffer): void {
    const { answers } = this.#parts
    const one = this.#opened(id)
    const bytes = payload.length + zeros
    if (bytes === 0 || (zeros > 0 && payload.length > 0)) throw new WireFault('chunk: bytes or zeros')
    if (this.#chunks >= MAX_CHUNKS) throw new WireFault('chunk: too many that are not written yet')
    answers.spend(bytes, 0)
    one.left -= bytes
    if (one.asked && !one.answered) throw new WireFault('chunk: before it is known where to go on')
    if (one.left < 0) throw new WireFault('chunk: beyond the end of the file')
    this.#chunks += 1
    void one.file.then(async (file) => {
      await file.write(zeros > 0 ? zeros : payload)
      this.#chunks -= 1
      if (zeros === 0) chunkBuffers.give(payload)
      this.#written(one, file, bytes)
    })
  }

  end({ id, digest }: FrameHeader<'end'>): void {
    this.#finish(id, (file) => file.finish(digest))
  }

  abort({ id, keep = false }: FrameHeader<'abort'>): void {
    this.#finish(id, async (file) => {
      await file.abort(keep)
      return { outcome: file.refused ?? { status: 'aborted', detail: '' }, position: 0 }
    })
  }

  /** The session is over. Partial files are removed; `keep`: but those that can be resumed. */
  close(keep: boolean): void {
    for (const file of this.#live) void file.then((one) => one.abort(keep))
    this.#open.clear()
  }

  #opened(id: number): OpenFile {
    const one = this.#open.get(id)
    if (one === undefined) throw new WireFault(`file ${id} is not open`)
    return one
  }

  #start({ source, path, size, facts, file, directories }: FrameHeader<'begin'>): Promise<IncomingFile> {
    const { store, sources, session } = this.#parts
    return sources
      .find([source, ...directories.map(([number]) => number)])
      .then((found) => {
        const offered = { source: found(source), path, facts: factsOfWords(facts, size), session }
        const told = toldOf(directories, found)
        return store.begin(offered, { identity: file, directories: told, turns: this.#turns })
      })
      .catch(refusedFile)
  }

  /** A file that cannot be stored any more is answered at once: its sender need not send the rest. */
  #written(one: OpenFile, { refused }: IncomingFile, bytes: number): void {
    if (bytes > 0) this.#parts.answers.giveBack(bytes)
    if (refused === null || one.answered || this.#open.get(one.id) !== one) return
    one.answered = true
    this.#parts.answer(one, { outcome: refused, position: 0 })
  }

  #finish(id: number, ending: (file: IncomingFile) => Promise<Stored>): void {
    const one = this.#opened(id)
    this.#open.delete(id)
    void one.file.then(ending).then((outcome) => {
      this.#live.delete(one.file)
      if (!one.answered) this.#parts.answer(one, outcome)
    })
  }
}
