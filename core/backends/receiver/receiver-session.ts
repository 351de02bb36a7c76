import path from 'node:path'
import type { RetryCause, TransferResult } from '../../ledger/ledger.ts'
import { createSemaphore, type Semaphore } from '../../lib/async/semaphore.ts'
import { type Message, message } from '../../lib/i18n/message.ts'
import { ProtocolError } from '../../protocol/codec.ts'
import { chunkBuffers } from '../../protocol/frame-buffers.ts'
import type { Frame, FrameHeader, SmallFile } from '../../protocol/frames.ts'
import { BATCH_MAX_FILES, fileStatuses, MAX_OPEN_FILES } from '../../protocol/limits.ts'
import { encodeMetadata } from '../../protocol/metadata-codec.ts'
import { nameFaults } from '../../protocol/names.ts'
import { isDurable } from '../../store/outcome.ts'
import type { StoreResult } from '../../store/store.ts'
import type {
  FoundDirectory,
  Outgoing,
  OutgoingSource,
  OwnSession,
  Proof,
  SmallEvents,
  SmallOutgoing,
  Space,
} from '../destination.ts'
import { Bucket, bytesAhead, type RateLease } from '../token-bucket.ts'
import {
  type DataStream,
  type FrameNews,
  type SpreadOptions,
  type StreamChannel,
  Streams,
} from './streams.ts'

/** The session's first credit, from the receiver's welcome. */
type Welcome = Pick<FrameHeader<'welcome'>, 'bytes' | 'files'>

export interface SessionOptions {
  /** The receiver's name, for messages. */
  receiver: string
  /** The limit on sending; left out: none. */
  bucket?: Bucket
  asksFirst?: boolean
  /** Left out: the receiver reports its space to its own user. */
  space?(): Promise<Space>
  /** How to open further data streams; left out: the session has one connection. */
  spread?: Omit<SpreadOptions, 'onCredit'>
}

/**
 * A session on a welcomed connection, or with a store in this process. A request waits for the receiver's credit (files
 * and bytes) and for the rate limit, gets a number, and is sent as frames. The receiver's answer refers to the number.
 */
export class ReceiverSession implements OwnSession {
  readonly asksFirst: boolean
  readonly copies = 'any'
  readonly limits: OwnSession['limits']
  readonly space?: () => Promise<Space>
  readonly #streams: Streams
  /** The receiver's name, for messages. */
  readonly #receiver: string
  readonly #requests = new OutstandingRequests()
  /** The receiver's credit. */
  readonly #bytesCredit: Semaphore
  readonly #filesCredit: Semaphore
  /** Large files under way. */
  readonly #openFiles = createSemaphore(MAX_OPEN_FILES)
  /** Held by the group of small files that waits for the line. */
  readonly #smallTurn = createSemaphore(1)
  /** This session's share of the rate limit. */
  readonly #lease: RateLease
  #isClosed = false

  constructor(
    channel: StreamChannel,
    welcome: Welcome,
    { receiver, bucket = new Bucket(), asksFirst = false, space, spread }: SessionOptions,
  ) {
    this.asksFirst = asksFirst
    this.limits = {
      files: Math.max(1, Math.min(BATCH_MAX_FILES, welcome.files)),
      get bytes() {
        return Math.min(bytesAhead(bucket), welcome.bytes)
      },
    }
    if (space !== undefined) this.space = space
    const onCredit = (bytes: number) => this.#bytesCredit.release(bytes)
    this.#streams = new Streams(channel, spread === undefined ? undefined : { ...spread, onCredit })
    this.#receiver = receiver
    this.#bytesCredit = createSemaphore(welcome.bytes)
    this.#filesCredit = createSemaphore(welcome.files)
    this.#lease = bucket.open()
  }

  get closed(): boolean {
    return this.#isClosed
  }

  /** See Session.sendSmall: the files form one frame, or a few if their new directories are too many for one. */
  readonly sendSmall: OwnSession['sendSmall'] = async (files, directories, events) => {
    const bytes = files.reduce((total, { facts }) => total + facts.size, 0)
    const hasCredit = (await this.#filesCredit.acquire(files.length)) && (await this.#acquireBytes(bytes))
    /** Returns true, after releasing the credit, if a pause has cancelled the files. */
    const isHeldBack = (): boolean => {
      if (events.onTurn()) return false
      this.#filesCredit.release(files.length)
      this.#bytesCredit.release(bytes)
      return true
    }
    // However many groups wait, chunks of large files get their turns between them.
    await this.#smallTurn.acquire()
    // Cancelled files take no rate: those behind them would have to wait for it.
    if (hasCredit && !this.#isClosed && isHeldBack()) return this.#smallTurn.release()
    const isOpen = hasCredit && (await this.#lease.take(bytes))
    const stream = await this.#pickForBatch(files, directories)
    // The session may have closed meanwhile.
    if (!isOpen || this.#isClosed) for (const index of files.keys()) events.onResult(index, { kind: 'lost' })
    else if (!isHeldBack()) this.#sendBatch(stream, files, directories, events)
    this.#smallTurn.release()
  }

  /** See Session.begin. */
  readonly begin: OwnSession['begin'] = async (file, directories, identity) => {
    if (!(await this.#openFiles.acquire())) return null
    if (!(await this.#filesCredit.acquire()) || this.#isClosed) return null
    const { source, path, facts } = file
    const { size } = facts
    // Chunks that may take any stream follow the receiver's answer; those of other files stay on the stream of `begin`.
    const isSpread = identity !== undefined && this.#streams.maySpread
    const isOnControl = isSpread || !this.#streams.maySpread
    const own = isOnControl ? this.#streams.control : await this.#streams.pickFor(source, directories)
    if (this.#isClosed) return null
    const { channel } = own
    const number = own.getSourceNumber(source)
    const { id, result } = this.#requests.file('content')
    let answered = false
    const [news = NO_NEWS] = this.#streams.divide(own, [file], directories)
    const answer = result.then((stored): TransferResult => {
      answered = true
      this.#forgetUnlessStored(source, news, stored)
      return toTransferResult(stored, this.#receiver, file)
    })
    const known = identity === undefined ? 0 : this.#requests.resume(id, size)
    const header = { id, source: number, path, size, facts: encodeMetadata(facts), ...toDirectories(news) }
    channel.send('begin', { ...header, ...(identity === undefined ? {} : { file: identity }) })
    // A refused file gets only its refusal as an answer.
    const offset = await Promise.race([known, answer.then(() => 0)])
    this.#requests.forgetResume(id)

    own.beginFile()
    const finish = () => {
      own.endFile()
      // On several streams the next `begin` may overtake the end of this file, which would still be open.
      if (this.#streams.count === 1) this.#openFiles.release()
      else void answer.then(() => this.#openFiles.release())
      return answer
    }
    /**
     * Waits for credit and for the line; returns null if sending is pointless. `paid`: bytes that count for the rate.
     */
    const takeTurn = async (bytes: number, paid: number): Promise<DataStream | null> => {
      if (!(await this.#acquireBytes(bytes))) return null
      const isOpen = paid === 0 || (await this.#lease.take(paid))
      const stream = await (isSpread ? this.#streams.pick() : this.#streams.roomOn(own))
      if (isOpen && !this.#isClosed && !answered) return stream
      this.#bytesCredit.release(bytes)
      return null
    }
    let position = offset
    /** Returns the place of a frame among those of its file, and goes on by `bytes`. */
    const place = (bytes: number): { at?: number } => {
      const at = position
      position += bytes
      return isSpread ? { at } : {}
    }
    return {
      offset,
      chunk: async (bytes) => {
        const stream = await takeTurn(bytes.length, bytes.length)
        const give = () => chunkBuffers.give(bytes)
        if (stream !== null) this.#streams.noteSent(bytes.length)
        stream?.channel.send('chunk', { id, ...place(bytes.length) }, [bytes], give)
        return stream !== null
      },
      zeros: async (count) => {
        const stream = await takeTurn(count, 0)
        if (stream !== null) this.#streams.noteSent(count)
        stream?.channel.send('chunk', { id, zeros: count, ...place(count) })
        return stream !== null
      },
      end: (digest) => {
        channel.send('end', { id, digest, ...place(0) })
        return finish()
      },
      abort: (keep) => {
        channel.send('abort', { id, ...(identity !== undefined && keep ? { keep } : {}), ...place(0) })
        return finish()
      },
    }
  }

  readonly copy: OwnSession['copy'] = async (file, directories, digest, from) => {
    const { source, path, facts } = file
    if (!(await this.#filesCredit.acquire()) || this.#isClosed) return { kind: 'lost' }
    const { control } = this.#streams
    const number = control.getSourceNumber(source)
    const fromSource = control.getSourceNumber(from.source)
    const { id, result } = this.#requests.file('copy')
    const { size } = facts
    const header = { id, source: number, path, size, facts: encodeMetadata(facts), digest }
    const [news = NO_NEWS] = this.#streams.divide(control, [file], directories)
    const of = { fromSource, fromPath: from.path, moved: from.isMoved, ...toDirectories(news) }
    control.channel.send('copy', { ...header, ...of })
    const stored = await result
    this.#forgetUnlessStored(source, news, stored)
    return stored?.status === 'unknown' ? null : toTransferResult(stored, this.#receiver, file)
  }

  readonly prove: OwnSession['prove'] = async (source, path, size, nonce, _, isSample = false) => {
    if (!(await this.#filesCredit.acquire()) || this.#isClosed) return { kind: 'unavailable' }
    const { control } = this.#streams
    const number = control.getSourceNumber(source)
    const { id, proof } = this.#requests.proof()
    const sample = isSample ? { sample: true as const } : {}
    control.channel.send('prove', { id, source: number, path, size, nonce, ...sample })
    return proof
  }

  /** The connection has room again. */
  onRoom(): void {
    this.#streams.onRoom()
  }

  onFrame({ type, header }: Frame): void {
    if (type === 'result') {
      this.#requests.onResult(header)
      this.#filesCredit.release(header.results.length)
    } else if (type === 'proof') {
      this.#requests.onProof(header)
      this.#filesCredit.release(1)
    } else if (type === 'credit') {
      this.#streams.noteTaken(header.bytes + (header.withheld ?? 0))
      this.#bytesCredit.release(header.bytes)
    } else if (type === 'resume') this.#requests.onResume(header)
    else throw new ProtocolError(`${type} frame not expected now`)
  }

  close(): void {
    this.#isClosed = true
    this.#lease.close()
    this.#streams.close()
    for (const credit of [this.#bytesCredit, this.#filesCredit, this.#openFiles]) credit.close()
    this.#requests.close()
  }

  /** Waits for credit; returns false if the session was closed. */
  async #acquireBytes(bytes: number): Promise<boolean> {
    if (this.#bytesCredit.tryAcquire(bytes)) return true
    this.#streams.noteHeldUp()
    const isAcquired = await this.#bytesCredit.acquire(bytes)
    this.#streams.noteHeldUp()
    return isAcquired
  }

  #pickForBatch(
    [first]: readonly SmallOutgoing[],
    directories: readonly FoundDirectory[],
  ): Promise<DataStream> {
    return first === undefined ? this.#streams.pick() : this.#streams.pickFor(first.source, directories)
  }

  #sendBatch(
    stream: DataStream,
    files: readonly SmallOutgoing[],
    directories: readonly FoundDirectory[],
    { onUsed, onResult }: SmallEvents,
  ): void {
    const [one] = files
    if (one === undefined) return
    const { source } = one
    const number = stream.getSourceNumber(source)
    this.#streams.noteSent(files.reduce((sum, { facts }) => sum + facts.size, 0))
    // Kept until the answers, unlike the contents.
    const names = files.map(({ path, facts }) => ({ source, path, facts }))
    const frames = this.#streams.divide(stream, files, directories)
    const newsOf = frames.flatMap((news) => Array.from({ length: news.files }, () => news))
    const first = this.#requests.files(files.length, (index, stored) => {
      const name = names[index]
      this.#forgetUnlessStored(source, newsOf[index] ?? NO_NEWS, stored)
      if (name !== undefined) onResult(index, toTransferResult(stored, this.#receiver, name))
    })
    let at = 0
    for (const news of frames) {
      const begin = at
      const some = files.slice(begin, begin + news.files)
      at += news.files
      const header = {
        files: some.map(({ path, facts, digest }, index): SmallFile => {
          const id = (first + begin + index) >>> 0
          return [id, number, path, facts.size, encodeMetadata(facts), digest]
        }),
        ...toDirectories(news),
      }
      stream.channel.send(
        'batch',
        header,
        frames.length === 1 ? together(files) : copied(some),
        at === files.length ? onUsed : undefined,
      )
    }
  }

  /** Directories come with the files of their frame: if one of these was not stored, they may not have been either. */
  #forgetUnlessStored(source: OutgoingSource, news: FrameNews, stored: StoreResult | null): void {
    if (stored === null || !isDurable(stored)) this.#streams.forget(source, news)
  }
}

const NO_NEWS: FrameNews = { files: 0, directories: [] }

const toDirectories = ({ directories }: FrameNews) => ({ directories })

/** Copies contents: a frame may be written into the memory before its contents, where those of the previous frame are. */
const copied = (files: readonly SmallOutgoing[]): Uint8Array[] => [
  Buffer.concat(files.map(({ bytes }) => bytes)),
]

/** Returns the contents as one piece if they are adjacent in one buffer, as readers place them. */
function together(files: readonly SmallOutgoing[]): Uint8Array[] {
  const all = files.map(({ bytes }) => bytes)
  const [first] = files
  if (first === undefined) return all
  const { buffer, byteOffset } = first.bytes
  let end = byteOffset
  for (const { bytes } of files) {
    if (bytes.buffer !== buffer || bytes.byteOffset !== end) return all
    end += bytes.length
  }
  return [new Uint8Array(buffer, byteOffset, end - byteOffset)]
}

/**
 * Called with the result of a file, by its index among files numbered together; null: the connection was lost first.
 */
type Settle = (index: number, result: StoreResult | null) => void

/** All requests that the receiver has not answered yet. An answer without a request is a ProtocolError. */
class OutstandingRequests {
  readonly #files = new Map<number, { first: number; settle: Settle }>()
  readonly #copies = new Set<number>()
  readonly #proofs = new Map<number, (proof: Proof) => void>()
  readonly #resumes = new Map<number, { size: number; resolve(offset: number): void }>()
  #lastId = 0

  /** Assigns consecutive numbers to `count` files, and returns the first. */
  files(count: number, settle: Settle): number {
    const asked = { first: (this.#lastId + 1) >>> 0, settle }
    for (let index = 0; index < count; index += 1) this.#files.set(this.#nextId(), asked)
    return asked.first
  }

  /** Assigns a number to one file; only a `copy` may be answered with "unknown". */
  file(kind: 'content' | 'copy') {
    let id = 0
    const result = new Promise<StoreResult | null>((resolve) => {
      id = this.files(1, (_, stored) => resolve(stored))
    })
    if (kind === 'copy') this.#copies.add(id)
    return { id, result }
  }

  /** Resolves with the number of bytes that need not be sent. */
  resume(id: number, size: number): Promise<number> {
    return new Promise((resolve) => this.#resumes.set(id, { size, resolve }))
  }

  /** Drops the request: the file was refused, so no `resume` follows. */
  forgetResume(id: number): void {
    this.#resumes.delete(id)
  }

  proof() {
    const id = this.#nextId()
    return { id, proof: new Promise<Proof>((resolve) => this.#proofs.set(id, resolve)) }
  }

  onResult({ position, results }: FrameHeader<'result'>): void {
    for (const [id, code, detail] of results) {
      const status = fileStatuses[code]
      const asked = this.#files.get(id)
      if (status === undefined || asked === undefined)
        throw new ProtocolError(`result for unknown file ${id}`)
      if (!this.#copies.delete(id) && status === 'unknown')
        throw new ProtocolError(`file ${id} was sent, not asked for`)
      this.#files.delete(id)
      asked.settle((id - asked.first) >>> 0, { status, detail, position })
    }
  }

  onProof({ id, digest, reason }: FrameHeader<'proof'>): void {
    const settle = this.#proofs.get(id)
    if (settle === undefined) throw new ProtocolError(`proof of unknown file ${id}`)
    this.#proofs.delete(id)
    // Copied, because the received bytes are a part of the frame's memory.
    if (digest !== null) settle({ kind: 'digest', digest: Buffer.from(digest) })
    else settle(toFailedProof(reason))
  }

  onResume({ id, offset }: FrameHeader<'resume'>): void {
    const asked = this.#resumes.get(id)
    if (asked === undefined) throw new ProtocolError(`resume for file ${id}, which was not asked for`)
    if (offset > asked.size) throw new ProtocolError(`resume: beyond the end of file ${id}`)
    this.#resumes.delete(id)
    asked.resolve(offset)
  }

  /** Settles all requests as lost with the connection. */
  close(): void {
    const lost = [...this.#files]
    this.#files.clear()
    for (const [id, { first, settle }] of lost) settle((id - first) >>> 0, null)
    for (const settle of this.#proofs.values()) settle({ kind: 'unavailable' })
    this.#proofs.clear()
  }

  #nextId(): number {
    this.#lastId = (this.#lastId + 1) >>> 0
    return this.#lastId
  }
}

// Translates the answers of Holdfast's own stores, at a receiver or in a folder.

/** Returns the result for the queue. @param stored null: the connection was lost. @param destination its name. */
export function toTransferResult(
  stored: StoreResult | null,
  destination: string,
  { source, path: name, facts: { size } }: Outgoing,
): TransferResult {
  if (stored === null) return { kind: 'lost' }
  const { status, detail, position = 0 } = stored
  const file = path.join(source.path, name)
  const retry = (cause: RetryCause, reason: Message | null): TransferResult => ({
    kind: 'retry',
    cause,
    reason,
  })
  switch (status) {
    case 'durable':
    case 'same':
      return { kind: 'stored', position }
    case 'name': {
      const fault = nameFaults.find((one) => one === detail) ?? 'characters'
      return { kind: 'rejected', reason: message(`transfer.name.${fault}`, { path: file }) }
    }
    case 'tooLarge':
      return { kind: 'rejected', reason: message('transfer.tooLarge', { path: file, size }) }
    case 'digest':
      return retry('file', message('transfer.digestMismatch', { path: file }))
    case 'aborted':
    // Only a copy is answered this way; the content is sent afterwards.
    case 'unknown':
      return retry('file', null)
    case 'full':
      // Files of the sources that it has are stored as before.
      if (detail.startsWith('sources ')) return retry('file', sourcesSentence(detail, destination, source))
      return retry('destination', fullSentence(detail, destination))
    case 'readOnly':
      return retry('destination', message('transfer.storeReadOnly', { name: destination }))
    case 'failed':
      // The disk is gone, which is not the file's fault: every further file would get the same answer.
      if (detail === 'ENODEV')
        return retry('destination', message('transfer.storeAway', { name: destination }))
      // EBUSY: another program of Windows has the stored file open.
      if (detail === 'EBUSY')
        return retry('file', message('transfer.storedInUse', { path: file, name: destination }))
      return retry('suspect', message('transfer.storeFailed', { name: destination, reason: detail || 'EIO' }))
    default:
      return status satisfies never
  }
}

const sourcesSentence = (detail: string, name: string, { path: source }: Outgoing['source']): Message =>
  message('transfer.storeSources', { name, path: source, limit: Number(/\d{1,9}/.exec(detail)?.[0] ?? 0) })

/** The detail is "floor", "names", "quota bytes N", "quota files N", or the system's error name. */
function fullSentence(detail: string, name: string): Message {
  if (detail === 'floor') return message('transfer.storeFloor', { name })
  if (detail === 'names') return message('transfer.storeNames', { name })
  const quota = /^quota (bytes|files) (\d{1,16})$/.exec(detail)
  if (quota === null) return message('transfer.storeFull', { name })
  const limit = Number(quota[2])
  return message(quota[1] === 'bytes' ? 'transfer.quotaBytes' : 'transfer.quotaFiles', { name, limit })
}

const OTHER_CONTENT = new Set(['other size', 'short'])
/** Errors of the whole disk or process. */
const NOT_THE_FILE = new Set(['ENODEV', 'ESTALE', 'EMFILE', 'ENFILE', 'ENOMEM'])
const ABSENT = new Set(['', 'not in the manifest', 'not a file', 'ENOENT', 'ENOTDIR', 'ELOOP'])

/** Parses the reason of a receiver that has not proven a file: a status and its detail (core/store/copy.ts). */
function toFailedProof(reason: string): Proof {
  const [, detail] = /^unknown ?(.*)$/.exec(reason) ?? []
  if (detail === undefined || NOT_THE_FILE.has(detail)) return { kind: 'unavailable' }
  if (OTHER_CONTENT.has(detail)) return { kind: 'differs' }
  return ABSENT.has(detail) ? { kind: 'absent' } : { kind: 'unreadable', code: detail }
}
