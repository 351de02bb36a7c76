import { createSemaphore } from '../../lib/async/semaphore.ts'
import { WireFault } from '../../protocol/codec.ts'
import { decodeMetadata } from '../../protocol/facts.ts'
import { chunkBuffers } from '../../protocol/frame-buffers.ts'
import type { FrameHeader } from '../../protocol/frames.ts'
import { MAX_CHUNKS, MAX_OPEN_FILES } from '../../protocol/limits.ts'
import { toOutcome } from '../outcome.ts'
import type { IncomingFile, Stored } from '../store.ts'
import { type AskedFile, parseDirectories, type SessionParts } from './upload-session.ts'

/**
 * Maximum of large files of one session that are open in the store. A sender may have MAX_OPEN_FILES that it has not
 * ended; files that it has ended stay open until they are durable.
 */
const LARGE_AT_ONCE = 64

interface OpenFile extends AskedFile {
  /** Resolves when the file's source is known. */
  file: Promise<IncomingFile>
  /** The sender has its answer already, as the file failed early: its end gets no answer. */
  answered: boolean
  /** The sender has asked for the resume offset, and has no answer yet. */
  asked: boolean
  left: number
}

/** Returns a file that is refused, as its source cannot be found. */
function refusedFile(error: unknown): IncomingFile {
  const outcome = toOutcome(error)
  return {
    offset: Promise.resolve(null),
    refused: outcome,
    write: () => Promise.resolve(),
    finish: () => Promise.resolve({ outcome, position: 0 }),
    abort: () => Promise.resolve(),
  }
}

/** Stores large files, which arrive in pieces. Every call throws a WireFault if the sender breaks the protocol. */
export class LargeFiles {
  readonly #parts: SessionParts
  readonly #tell: (header: FrameHeader<'resume'>) => void
  readonly #open = new Map<number, OpenFile>()
  /** Open files, and ended files that are not stored yet. */
  readonly #live = new Set<Promise<IncomingFile>>()
  readonly #turns = createSemaphore(LARGE_AT_ONCE)
  /** Received chunks that are in memory. */
  #chunks = 0

  /** @param tell sends the resume offset to a sender that asked for it. */
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
      ...{ id, source: sources.getName(source), path, size },
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

  /** Ends the session. Removes partial files; `keep`: except those that can be resumed. */
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
        const offered = { source: found(source), path, facts: decodeMetadata(facts, size), session }
        const told = parseDirectories(directories, found)
        return store.begin(offered, { identity: file, directories: told, turns: this.#turns })
      })
      .catch(refusedFile)
  }

  /** Gives credit back. Answers a file at once if it was refused: its sender need not send the rest. */
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
