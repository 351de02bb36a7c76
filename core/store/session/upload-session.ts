import { createSemaphore, withPermit } from '../../lib/async/semaphore.ts'
import type { FrameChannel } from '../../protocol/channel.ts'
import { ProtocolError } from '../../protocol/codec.ts'
import { chunkBuffers } from '../../protocol/frame-buffers.ts'
import type { DirectoryEntry, Frame, FrameHeader, SmallFile } from '../../protocol/frames.ts'
import { BATCH_MAX_FILES, fileStatuses, MAX_CHUNKS, MAX_OPEN_FILES } from '../../protocol/limits.ts'
import { decodeMetadata } from '../../protocol/metadata-codec.ts'
import { isDurable, type StoreResult, toStoreResult } from '../outcome.ts'
import type { IncomingFile, NamedSession, Offered, SmallIncoming, Store, StoreSource } from '../store.ts'
import type { ToldDirectory } from '../store-messages.ts'

/** Copies of one session that wait at the store at the same time: the store serves all sessions in order of arrival. */
const COPIES_AT_ONCE = 8
/** Copies of one session that are made and wait for their round. Each has an open file. */
const COPIES_IN_ROUND = 64
/**
 * Maximum of large files of one session that are open in the store. A sender may have MAX_OPEN_FILES that it has not
 * ended; files that it has ended stay open until they are durable.
 */
const LARGE_AT_ONCE = 64

interface SendingHandlers {
  /** Returns the store's source for a sender's id and name; see `openSource`. The signal is aborted with the session. */
  openSource(id: string, name: string, signal: AbortSignal): Promise<StoreSource>
  /** Files became durable. */
  onReceived?(files: number, bytes: number): void
  /** A file was not stored. */
  onRefused?(source: string, path: string, result: StoreResult): void
  /** The sender has lost this credit, which a closed stream had brought: its memory is free. */
  onWithheld?(bytes: number): void
}

/** Bytes and files that a sender may send before it gets an answer. */
export interface AnswerWindow {
  bytes: number
  files: number
}

/** A file as its sender names it. */
interface AskedFile {
  id: number
  /** The name of its source. */
  source: string
  path: string
  /** Bytes that are transferred. */
  size: number
}

/** The members of a session that its parts use. */
type SharedSession = Pick<StoreSession, 'store' | 'session' | 'answers' | 'sources' | 'answer'>

/** The sources that were declared on one of the session's streams. */
type Sources = ReturnType<typeof openSources>

/**
 * The store's end of a session: stores the files in frames, independent of the transport. Small files arrive in batches
 * (`receiveBatch`), large ones in chunks (`LargeFiles`); files that the store has already are copied or proved. The
 * sender names its sources first (`openSources`), and gets results and credit (`openAnswers`).
 */
export class StoreSession {
  readonly store: Store
  /** Its name is recorded with its files, while it is open: later ones are those of a sender that has gone on. */
  readonly session: { name: string | null }
  readonly answers: ReturnType<typeof openAnswers>
  readonly sources: ReturnType<typeof openSources>
  readonly #handlers: SendingHandlers
  readonly #shared: SharedSession
  readonly #large: LargeFiles
  readonly #gone = new AbortController()
  readonly #copyTurns = createSemaphore(COPIES_AT_ONCE)
  readonly #copiesInRound = createSemaphore(COPIES_IN_ROUND)

  /** @param name null: the sender was not welcomed with a session. */
  constructor(
    channel: Pick<FrameChannel, 'send' | 'room'>,
    store: Store,
    name: string | null,
    window: AnswerWindow,
    handlers: SendingHandlers,
  ) {
    this.store = store
    this.session = { name }
    this.answers = openAnswers(channel, window, handlers.onWithheld)
    this.#handlers = handlers
    this.sources = this.#openSources()
    const { session, answers, sources } = this
    this.#shared = { store, session, answers, sources, answer: (file, result) => this.answer(file, result) }
    this.#large = new LargeFiles(this.#shared, (header) => channel.send('resume', header))
  }

  /**
   * @param onUsed is called when a batch's memory may be reused.
   * @throws ProtocolError
   */
  handle(frame: Frame, onUsed?: () => void, sources: Sources = this.sources) {
    switch (frame.type) {
      case 'source':
        return sources.declare(frame.header)
      case 'batch':
        return receiveBatch({ ...this.#shared, sources }, frame.header, frame.payload, onUsed)
      case 'begin':
        return this.#large.begin(frame.header, sources)
      case 'chunk':
        return this.#large.chunk(frame.header, frame.payload)
      case 'end':
        return this.#large.end(frame.header)
      case 'abort':
        return this.#large.abort(frame.header)
      case 'copy':
        return this.#copy(frame.header)
      case 'prove':
        return this.#prove(frame.header)
      default:
        throw new ProtocolError(`${frame.type} frame not expected now`)
    }
  }

  /**
   * Opens a further stream of frames. Its numbers of sources are its own, as frames of several streams may overtake each
   * other; numbers of files, credit and results are those of the session.
   * @param bytes the credit of the stream, which its end takes back.
   * @returns its frames' handler, and `bytes`: what it adds to the session's credit.
   */
  openStream(bytes: number) {
    const sources = this.#openSources()
    this.#large.streams += 1
    return {
      bytes: this.answers.grow(bytes),
      handle: (frame: Frame) => this.handle(frame, undefined, sources),
      close: () => {
        this.#large.streams -= 1
        this.answers.shrink(bytes)
      },
    }
  }

  /** Ends the session. Removes partial files; `keep`: except those that can be resumed. */
  close(keep: boolean): void {
    this.session.name = null
    this.#large.close(keep)
    this.#gone.abort()
  }

  /** Reports the result of a file to the sender and to the handlers. */
  answer({ id, source, path, size }: AskedFile, result: StoreResult): void {
    if (isDurable(result)) this.#handlers.onReceived?.(1, size)
    else if (result.status !== 'aborted' && result.status !== 'unknown')
      this.#handlers.onRefused?.(source, path, result)
    this.answers.add(id, result)
  }

  #openSources(): Sources {
    return openSources((id, name) => this.#handlers.openSource(id, name, this.#gone.signal))
  }

  #copy(header: FrameHeader<'copy'>): void {
    const { store, answers, sources, session } = this
    const { id, source, path, size, facts, digest, fromSource, fromPath, moved } = header
    answers.spend(0, 1)
    void sources
      .find([source, fromSource, ...header.directories.map(([number]) => number)])
      .then((found) => {
        const file: Offered = { source: found(source), path, facts: decodeMetadata(facts, size), session }
        const directories = parseDirectories(header.directories, found)
        const from = { source: found(fromSource), path: fromPath }
        const copy = { from, digest, isMoved: moved, directories }
        return withPermit(this.#copiesInRound, () =>
          store.copy(file, copy, this.#gone.signal, this.#copyTurns),
        )
      })
      .catch(toStoreResult)
      .then((result) => {
        // A check of an existing file counts as no stored file. For a copy no bytes were transferred: its size is 0.
        if (source === fromSource && path === fromPath) answers.add(id, result)
        else this.answer({ id, source: sources.getName(source), path, size: 0 }, result)
      })
  }

  #prove({ id, source, path, size, nonce, sample }: FrameHeader<'prove'>): void {
    const { store, answers, sources } = this
    answers.spend(0, 1)
    void sources
      .find([source])
      .then((found) => {
        const of = { source: found(source), path }
        return withPermit(this.#copyTurns, () => store.prove(of, size, nonce, this.#gone.signal, sample))
      })
      .then(
        (digest) => answers.prove({ id, digest, reason: '' }),
        (error: unknown) => {
          const { status, detail } = toStoreResult(error)
          answers.prove({ id, digest: null, reason: `${status} ${detail}`.slice(0, 200) })
        },
      )
  }
}

/**
 * Stores the small files of one batch.
 * @param onUsed is called when the payload's memory may be reused.
 * @throws ProtocolError
 */
export function receiveBatch(
  shared: Omit<SharedSession, 'answers'> & {
    answers: Pick<SharedSession['answers'], 'spend' | 'giveBack'>
  },
  { files, directories }: FrameHeader<'batch'>,
  payload: Buffer,
  onUsed: () => void = () => undefined,
): void {
  const { store, answers, sources, session } = shared
  const total = files.reduce((sum, file) => sum + file[3], 0)
  if (total !== payload.length) throw new ProtocolError('batch: sizes and payload differ')
  answers.spend(total, files.length)
  const used = [...files.map(([, source]) => source), ...directories.map(([source]) => source)]
  const finding = sources.find(used)
  const asked = files.map(([id, number, path, size]): AskedFile => {
    return { id, source: sources.getName(number), path, size }
  })
  // Credit for bytes is returned when they are written, long before the file is durable: with a high latency, or while
  // the disk syncs, the next files are in transfer already. A separate credit limits the number of waiting files.
  const held = new Set(asked)
  const onWritten = (index: number) => {
    const file = asked[index]
    if (file === undefined || !held.delete(file)) return
    answers.giveBack(file.size)
    if (held.size === 0) onUsed()
  }
  const onStored = (index: number, result: StoreResult) => {
    const file = asked[index]
    onWritten(index)
    if (file !== undefined) shared.answer(file, result)
  }
  const storeAll = (found: SourceLookup) =>
    store.receiveAll(splitBatch(files, payload, session, found), {
      directories: parseDirectories(directories, found),
      // The memory belongs to this frame (codec.ts); the rest of the frame is no longer used.
      memory: payload.buffer,
      onWritten,
      onStored,
    })
  void finding.then(storeAll, (error) => {
    for (const index of asked.keys()) onStored(index, toStoreResult(error))
  })
}

/** Returns the files of a batch, with their parts of its payload. */
function splitBatch(
  files: readonly SmallFile[],
  payload: Buffer,
  session: NamedSession,
  found: SourceLookup,
): SmallIncoming[] {
  let at = 0
  return files.map(([, number, path, size, facts, digest]) => {
    const bytes = payload.subarray(at, at + size)
    at += size
    return { source: found(number), path, facts: decodeMetadata(facts, size), session, bytes, digest }
  })
}

/** Returns the directories in a frame, with their metadata. */
const parseDirectories = (entries: readonly DirectoryEntry[], found: SourceLookup): ToldDirectory[] =>
  entries.map(([number, path, facts]) => ({
    source: found(number).id,
    path,
    facts: decodeMetadata(facts, 0),
  }))

interface OpenFile extends AskedFile {
  /** Resolves when the file's source is known. */
  file: Promise<IncomingFile>
  /** The sender has its answer already, as the file failed early: its end gets no answer. */
  answered: boolean
  /** The sender has asked for the resume offset, and has no answer yet. */
  asked: boolean
  /** Offset of the next chunk. */
  position: number
  /** Frames that have overtaken others on another stream, by their offset. */
  early: Map<number, () => void>
  /** Its `end` or `abort`, which has overtaken chunks. */
  earlyEnd: { at: number; handle: () => void } | null
}

/** Stores large files, which arrive in pieces. Every call throws a ProtocolError if the sender breaks the protocol. */
class LargeFiles {
  readonly #shared: SharedSession
  readonly #sendResume: (header: FrameHeader<'resume'>) => void
  readonly #open = new Map<number, OpenFile>()
  /** Open files, and ended files that are not stored yet. */
  readonly #live = new Set<Promise<IncomingFile>>()
  readonly #turns = createSemaphore(LARGE_AT_ONCE)
  /** The streams that carry their frames: each of them may have files open. */
  streams = 1
  /** Received chunks that are in memory. */
  #chunks = 0

  /** @param sendResume sends the resume offset to a sender that asked for it. */
  constructor(shared: SharedSession, sendResume: (header: FrameHeader<'resume'>) => void) {
    this.#shared = shared
    this.#sendResume = sendResume
  }

  begin(header: FrameHeader<'begin'>, sources: Sources): void {
    const { answers } = this.#shared
    const { id, source, path, size } = header
    if (this.#open.has(id)) throw new ProtocolError(`begin: file ${id} is open already`)
    if (this.#open.size >= MAX_OPEN_FILES * this.streams)
      throw new ProtocolError('begin: too many open files')
    answers.spend(0, 1)
    const file = this.#start(header, sources)
    const one: OpenFile = {
      ...{ id, source: sources.getName(source), path, size },
      ...{ file, answered: false, asked: header.file !== undefined },
      ...{ position: 0, early: new Map(), earlyEnd: null },
    }
    this.#open.set(id, one)
    this.#live.add(file)
    void file.then(async (started) => {
      const offset = await started.offset
      if (offset === null) return this.#written(one, started, 0)
      if (!one.asked) return
      one.asked = false
      one.position = offset
      if (this.#open.get(id) === one) this.#sendResume({ id, offset })
    })
  }

  chunk({ id, zeros = 0, at }: FrameHeader<'chunk'>, payload: Buffer): void {
    const { answers } = this.#shared
    const one = this.#opened(id)
    const bytes = payload.length + zeros
    if (bytes === 0 || (zeros > 0 && payload.length > 0)) throw new ProtocolError('chunk: bytes or zeros')
    if (this.#chunks >= MAX_CHUNKS) throw new ProtocolError('chunk: too many that are not written yet')
    answers.spend(bytes, 0)
    if (one.asked && !one.answered) throw new ProtocolError('chunk: before it is known where to go on')
    if ((at ?? one.position) + bytes > one.size) throw new ProtocolError('chunk: beyond the end of the file')
    this.#chunks += 1
    if (one.earlyEnd !== null && (at ?? one.position) + bytes > one.earlyEnd.at)
      throw new ProtocolError(`chunk: behind the end of file ${id}`)
    const handle = () => {
      one.position += bytes
      void one.file.then(async (file) => {
        await file.write(zeros > 0 ? zeros : payload)
        this.#chunks -= 1
        if (zeros === 0) chunkBuffers.give(payload)
        this.#written(one, file, bytes)
      })
    }
    if (at === undefined || isNext(one, at)) handleInOrder(one, handle)
    else one.early.set(at, handle)
  }

  end({ id, digest, at }: FrameHeader<'end'>): void {
    this.#finish(id, at, (file) => file.finish(digest))
  }

  abort({ id, keep = false, at }: FrameHeader<'abort'>): void {
    this.#finish(id, at, async (file) => {
      await file.abort(keep)
      return file.refused ?? { status: 'aborted', detail: '' }
    })
  }

  /** Ends the session. Removes partial files; `keep`: except those that can be resumed. */
  close(keep: boolean): void {
    for (const file of this.#live) void file.then((one) => one.abort(keep))
    this.#open.clear()
  }

  #opened(id: number): OpenFile {
    const one = this.#open.get(id)
    if (one === undefined) throw new ProtocolError(`file ${id} is not open`)
    return one
  }

  #start(
    { source, path, size, facts, file, directories }: FrameHeader<'begin'>,
    sources: Sources,
  ): Promise<IncomingFile> {
    const { store, session } = this.#shared
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
    if (bytes > 0) this.#shared.answers.giveBack(bytes)
    if (refused === null || one.answered || this.#open.get(one.id) !== one) return
    one.answered = true
    this.#shared.answer(one, refused)
  }

  #finish(id: number, at: number | undefined, ending: (file: IncomingFile) => Promise<StoreResult>): void {
    const one = this.#opened(id)
    if (one.earlyEnd !== null) throw new ProtocolError(`file ${id} ended twice`)
    if (at !== undefined && at > one.size) throw new ProtocolError(`file ${id} ended beyond its size`)
    const handle = () => {
      if (one.early.size > 0) throw new ProtocolError(`file ${id} ended before its last chunk`)
      this.#open.delete(id)
      void one.file.then(ending).then((result) => {
        this.#live.delete(one.file)
        if (!one.answered) this.#shared.answer(one, result)
      })
    }
    // It takes no credit, so only one of them waits.
    if (at === undefined || isNext(one, at)) handle()
    else one.earlyEnd = { at, handle }
  }
}

/**
 * True if a frame follows those that were handled. Another one has overtaken them on another stream and has to wait:
 * those before it are on their way.
 * @param at its offset.
 * @throws ProtocolError
 */
function isNext(one: OpenFile, at: number): boolean {
  if (at === one.position) return true
  if (at < one.position || one.early.has(at)) throw new ProtocolError(`file ${one.id}: offset ${at} twice`)
  return false
}

/** Handles the next chunk of a file, and the frames that waited for it. @throws ProtocolError */
function handleInOrder(one: OpenFile, handle: () => void): void {
  handle()
  for (let next = one.early.get(one.position); next !== undefined; next = one.early.get(one.position)) {
    one.early.delete(one.position)
    next()
  }
  for (const at of one.early.keys())
    if (at < one.position) throw new ProtocolError(`file ${one.id}: chunks overlap at offset ${at}`)
  const { earlyEnd } = one
  if (earlyEnd === null || one.position < earlyEnd.at) return
  if (one.position > earlyEnd.at) throw new ProtocolError(`file ${one.id} ended before its last chunk`)
  earlyEnd.handle()
}

/** Returns a file that is refused, as its source cannot be found. */
function refusedFile(error: unknown): IncomingFile {
  const refused = toStoreResult(error)
  return {
    offset: Promise.resolve(null),
    refused,
    write: () => Promise.resolve(),
    finish: () => Promise.resolve(refused),
    abort: () => Promise.resolve(),
  }
}

/** Returns the source with a number of the frame. */
type SourceLookup = (number: number) => StoreSource

/** Manages the sources of one session, by the numbers that its sender has assigned. */
function openSources(openSource: (id: string, name: string) => Promise<StoreSource>) {
  const declared = new Map<number, { id: string; name: string }>()

  const findAll = async (named: ReadonlyMap<number, { id: string; name: string }>): Promise<SourceLookup> => {
    const finding = [...named].map(
      async ([number, { id, name }]) => [number, await openSource(id, name)] as const,
    )
    const found = new Map(await Promise.all(finding))
    return (number) => known(found, number)
  }

  return {
    /** @throws ProtocolError if the number is in use */
    declare({ source, id, name }: FrameHeader<'source'>): void {
      if (declared.has(source)) throw new ProtocolError(`source ${source} is declared already`)
      declared.set(source, { id, name })
    },
    /**
     * Finds sources by their numbers. Rejects with the system's error if a source's directory cannot be found: then no
     * file of the frame can be stored.
     * @throws ProtocolError at once if a source was not declared
     */
    find(numbers: Iterable<number>): Promise<SourceLookup> {
      return findAll(new Map([...numbers].map((number) => [number, known(declared, number)])))
    },
    getName: (number: number): string => declared.get(number)?.name ?? '',
  }
}

function known<T>(all: ReadonlyMap<number, T>, number: number): T {
  const one = all.get(number)
  if (one === undefined) throw new ProtocolError(`source ${number} was not declared`)
  return one
}

/**
 * Sends results and credit to a sender.
 * Answers are collected for one turn of the event loop, so that the files of a group commit are answered together. They
 * wait until the sender has read earlier answers: a sender that never reads gets no credit and must stop sending.
 */
function openAnswers(
  channel: Pick<FrameChannel, 'send' | 'room'>,
  window: AnswerWindow,
  onWithheld: SendingHandlers['onWithheld'] = () => undefined,
) {
  const credit = { ...window }
  let results: [number, number, string][] = []
  const proofs: FrameHeader<'proof'>[] = []
  let position = 0
  let bytesBack = 0
  /** Bytes that have left memory, and whose credit was withheld. */
  let withheld = 0
  /** Credit of closed streams that was not taken back yet. */
  let surplus = 0
  let flushing = false

  const flush = () => {
    flushing = false
    if (withheld > 0) channel.send('credit', { bytes: bytesBack, withheld })
    else if (bytesBack > 0) channel.send('credit', { bytes: bytesBack })
    credit.bytes += bytesBack
    bytesBack = 0
    withheld = 0
    credit.files += results.length + proofs.length
    for (const proof of proofs.splice(0)) channel.send('proof', proof)
    while (results.length > 0) {
      channel.send('result', { position, results: results.slice(0, BATCH_MAX_FILES) })
      results = results.slice(BATCH_MAX_FILES)
    }
  }
  const soon = () => {
    if (flushing) return
    flushing = true
    setImmediate(() => void channel.room().then(flush))
  }

  const lowerSurplus = (most: number): number => {
    const bytes = Math.min(surplus, most)
    surplus -= bytes
    if (bytes > 0) onWithheld(bytes)
    return bytes
  }

  return {
    /** Subtracts from the sender's credit. @throws ProtocolError if the credit is not sufficient */
    spend(bytes: number, files: number) {
      if (bytes > credit.bytes || files > credit.files)
        throw new ProtocolError('more was sent than credit was given for')
      credit.bytes -= bytes
      credit.files -= files
    },
    giveBack(bytes: number) {
      if (bytes === 0) return
      const kept = lowerSurplus(bytes)
      withheld += kept
      bytesBack += bytes - kept
      soon()
    },
    /**
     * Adds the credit of a stream. The sender still has some if it has closed other streams: that is not taken back then.
     * @returns the remaining bytes, which the answer to `attach` reports.
     */
    grow(bytes: number): number {
      const added = bytes - lowerSurplus(bytes)
      credit.bytes += added
      return added
    },
    /** Takes credit back, by giving less of it back from now on. */
    shrink(bytes: number) {
      surplus += bytes
    },
    /** Adds the result of a file, by the sender's number for it. */
    add(id: number, { status, detail, position: at = 0 }: StoreResult) {
      results.push([id, fileStatuses.indexOf(status), detail.slice(0, 200)])
      position = Math.max(position, at)
      soon()
    },
    /** Adds a proof. */
    prove(proof: FrameHeader<'proof'>) {
      proofs.push(proof)
      soon()
    },
  }
}
