import { createSemaphore } from '../../lib/async/semaphore.ts'
import { formatAddress } from '../../lib/i18n/formats.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { errorCode, errorText } from '../../platform/system-error.ts'
import type { FrameChannel } from '../../protocol/channel.ts'
import { ProtocolError } from '../../protocol/codec.ts'
import type {
  CountsQuestion,
  EntriesQuestion,
  FetchEntry,
  Folder,
  Frame,
  FrameHeader,
  Question,
  RestoreAnswer,
} from '../../protocol/frames.ts'
import { type Identity, loadIdentity } from '../../protocol/identity.ts'
import { MAX_FETCH_BYTES, MAX_FETCH_PARTS, MAX_FETCHED, MAX_QUESTIONS } from '../../protocol/limits.ts'
import { decodeMetadata } from '../../protocol/metadata-codec.ts'
import type { ReceiverDestination } from '../../settings/destination-schema.ts'
import type {
  ContentsPage,
  CountsPage,
  EntriesPage,
  StoreContentsQuestion,
  StoredContent,
} from '../../store/query/query.ts'
import type { ReadSettings } from '../backend.ts'
import { NotReadable } from '../errors.ts'
import { type Incoming, type Library, type OpenContent, openInParts } from '../library.ts'
import { type Dialled, dial, toConnectionTrouble } from './dial.ts'

type Waiting<T> = { resolve(value: T): void; reject(reason: unknown): void }
type About<A extends RestoreAnswer['about']> = Extract<RestoreAnswer, { about: A }>

const toPage = ({ contents, directories, strange, strangeNames, next }: About<'contents'>): ContentsPage => ({
  contents: contents.map(([folder, path, version, size, facts, digest, storedAt]) => ({
    ...{ folder, path, version, storedAt },
    facts: decodeMetadata(facts, size),
    digest,
  })),
  directories: directories.map(([folder, path, facts]) => ({
    folder,
    path,
    facts: decodeMetadata(facts, 0),
  })),
  strange,
  strangeNames,
  next,
})

function toUserError(destination: ReceiverDestination, reason: unknown, wasConnected: boolean): UserError {
  const { state, problem } = toConnectionTrouble(reason, destination, wasConnected)
  if (state === 'refused') return new UserError(problem.key, problem.params, { cause: reason })
  const { name, host, port } = destination
  const key = wasConnected ? 'restore.lost' : 'restore.notReached'
  // The receiver has closed the connection without an error.
  const why = reason === null ? 'ECONNRESET' : (errorCode(reason) ?? errorText(reason))
  return new UserError(key, { name, address: formatAddress(host, port), reason: why }, { cause: reason })
}

/**
 * Connects to a receiver to read this computer's own files.
 * @param name this computer's name.
 * @throws UserError with the reason why there is no connection.
 */
export async function openReceiverLibrary(
  destination: ReceiverDestination,
  identity: Identity,
  name: string,
  signal: AbortSignal,
): Promise<Library> {
  const hello = { name, purpose: 'restore', session: null } as const
  const dialled = await dial(destination, identity, hello, signal).catch((error: unknown) => {
    throw toUserError(destination, error, false)
  })
  return new ReceiverLibrary(destination, dialled)
}

/** Opens this computer's own files: the receiver decides if it may read another computer's. @throws UserError */
export async function readReceiver(
  settings: ReadSettings<'receiver'>,
  signal: AbortSignal,
): Promise<Library> {
  const { destination, identityDirectory, name, computer } = settings
  if (computer !== null) throw new UserError('restore.pairReplaces', { name: destination.name, computer })
  return openReceiverLibrary(destination, await loadIdentity(identityDirectory), name, signal)
}

/** @throws UserError: a receiver does not list its senders to each other. */
export async function refuseComputers({ destination }: ReadSettings<'receiver'>): Promise<never> {
  throw new UserError('restore.computersNotTold', { name: destination.name })
}

class ReceiverLibrary implements Library {
  readonly place = null
  readonly #destination: ReceiverDestination
  readonly #channel: FrameChannel
  readonly #canCount: boolean
  readonly #asking = createSemaphore(MAX_QUESTIONS)
  // Half of what the receiver accepts, because it also counts data in transit.
  readonly #bytesOut = createSemaphore(MAX_FETCH_BYTES / 2)
  readonly #partsOut = createSemaphore(MAX_FETCH_PARTS / 2)
  readonly #answers = new Map<number, Waiting<RestoreAnswer>>()
  readonly #parts = new Map<number, Waiting<Buffer> & { asked: number }>()
  #last = 0
  #toFetch: FetchEntry[] = []
  #ended: UserError | null = null

  constructor(destination: ReceiverDestination, { channel, welcome, follow }: Dialled) {
    this.#destination = destination
    this.#channel = channel
    this.#canCount = welcome.counts === true
    follow(
      (frame) => this.#onFrame(frame),
      (reason) => this.#onClose(reason),
    )
  }

  async folders(): Promise<readonly Folder[]> {
    return (await this.#ask({ about: 'folders' })).folders
  }

  async entries(asked: EntriesQuestion): Promise<EntriesPage> {
    const { entries, next } = await this.#ask({ about: 'entries', ...asked })
    return { entries, next }
  }

  async contents(asked: StoreContentsQuestion): Promise<ContentsPage> {
    return toPage(await this.#ask({ about: 'contents', ...asked }))
  }

  async counts(asked: CountsQuestion): Promise<CountsPage | null> {
    return this.#canCount ? await this.#ask({ about: 'counts', ...asked }) : null
  }

  open(content: StoredContent, options?: OpenContent): Promise<Incoming> {
    return openInParts(content, (...part) => this.#readPart(...part), options)
  }

  close(): void {
    this.#channel.end()
  }

  async #ask<A extends Question['about']>(question: Question & { about: A }): Promise<About<A>> {
    await this.#asking.acquire()
    if (this.#ended !== null) throw this.#ended
    this.#last += 1
    const id = this.#last
    const answer = await new Promise<RestoreAnswer>((resolve, reject) => {
      this.#answers.set(id, { resolve, reject })
      this.#channel.send('ask', { id, question })
    }).finally(() => this.#asking.release())
    if (answer.about === question.about) return answer as About<A>
    const reason = answer.about === 'failed' ? answer.reason : 'another answer'
    throw new UserError('restore.notTold', { name: this.#destination.name, reason })
  }

  async #readPart({ folder, path, version }: StoredContent, from: number, bytes: number): Promise<Buffer> {
    await this.#partsOut.acquire()
    await this.#bytesOut.acquire(bytes)
    if (this.#ended !== null) throw this.#ended
    this.#last += 1
    const id = this.#last
    if (this.#toFetch.length === 0) setImmediate(() => this.#sendFetches())
    this.#toFetch.push([id, folder, path, version, from, bytes])
    return new Promise((resolve, reject) => this.#parts.set(id, { resolve, reject, asked: bytes }))
  }

  /** Sends the requests of one turn of the event loop together in few frames. */
  #sendFetches(): void {
    const all = this.#toFetch
    this.#toFetch = []
    for (let at = 0; at < all.length; at += MAX_FETCHED)
      this.#channel.send('fetch', { parts: all.slice(at, at + MAX_FETCHED) })
  }

  #onFrame(frame: Frame): void {
    if (frame.type === 'content') this.#onContent(frame.header, frame.payload)
    else if (frame.type === 'told') {
      const waiting = this.#answers.get(frame.header.id)
      if (waiting === undefined) throw new ProtocolError('told: nothing was asked')
      this.#answers.delete(frame.header.id)
      waiting.resolve(frame.header.answer)
    }
  }

  #onContent({ parts: said }: FrameHeader<'content'>, payload: Buffer): void {
    let at = 0
    for (const [id, bytes, fault] of said) {
      const waiting = this.#parts.get(id)
      if (waiting === undefined || bytes > waiting.asked || at + bytes > payload.length)
        throw new ProtocolError('content: more than was asked for')
      this.#parts.delete(id)
      this.#bytesOut.release(waiting.asked)
      this.#partsOut.release(1)
      if (fault === '') waiting.resolve(payload.subarray(at, at + bytes))
      else waiting.reject(new NotReadable(fault))
      at += bytes
    }
    if (at !== payload.length) throw new ProtocolError('content: more than its parts')
  }

  #onClose(reason: Error | null): void {
    this.#ended = toUserError(this.#destination, reason, true)
    for (const { reject } of [...this.#answers.values(), ...this.#parts.values()]) reject(this.#ended)
    this.#answers.clear()
    this.#parts.clear()
    for (const semaphore of [this.#asking, this.#bytesOut, this.#partsOut]) semaphore.close()
  }
}
