import { createSemaphore, withPermit } from '../../lib/async/semaphore.ts'
import type { FrameChannel } from '../../protocol/channel.ts'
import { WireFault } from '../../protocol/codec.ts'
import type { DirectoryEntry } from '../../protocol/entries.ts'
import { decodeMetadata } from '../../protocol/facts.ts'
import type { Frame, FrameHeader } from '../../protocol/frames.ts'
import { isDurable, type Outcome, toOutcome } from '../outcome.ts'
import type { Offered, Store, Stored, StoreSource } from '../store.ts'
import type { ToldDirectory } from '../store-messages.ts'
import { type AnswerWindow, openAnswers } from './answers.ts'
import { LargeFiles } from './large.ts'
import { receiveBatch } from './small.ts'
import { openSources, type SourceLookup } from './sources.ts'

/** Copies of one session that wait at the store at the same time: the store serves all sessions in order of arrival. */
const COPIES_AT_ONCE = 8

interface SendingHandlers {
  /** Returns the store's source for a sender's id and name. @throws system errors */
  openSource(id: string, name: string): Promise<StoreSource>
  /** Files became durable. */
  onReceived?(files: number, bytes: number): void
  /** A file was not stored. */
  onRefused?(source: string, path: string, outcome: Outcome): void
}

/** A file as its sender names it. */
export interface AskedFile {
  id: number
  /** The name of its source. */
  source: string
  path: string
  /** Bytes that are transferred. */
  size: number
}

/** Shared parts of a session. */
export interface SessionParts {
  readonly store: Store
  readonly answers: ReturnType<typeof openAnswers>
  readonly sources: ReturnType<typeof openSources>
  /** The name of the session, which is recorded with its files. */
  readonly session: string
  /** Reports the outcome of a file to the sender and to the handlers. */
  answer(file: AskedFile, stored: Stored): void
}

/** Returns the directories in a frame, with their metadata. */
export const parseDirectories = (entries: readonly DirectoryEntry[], found: SourceLookup): ToldDirectory[] =>
  entries.map(([number, path, facts]) => ({
    source: found(number).id,
    path,
    facts: decodeMetadata(facts, 0),
  }))

/** The store's end of a session: stores the files in frames, independent of the transport. */
export class StoreSession {
  readonly #parts: SessionParts
  readonly #handlers: SendingHandlers
  readonly #large: LargeFiles
  readonly #gone = new AbortController()
  readonly #copyTurns = createSemaphore(COPIES_AT_ONCE)

  constructor(
    channel: Pick<FrameChannel, 'send' | 'room'>,
    store: Store,
    session: string,
    window: AnswerWindow,
    handlers: SendingHandlers,
  ) {
    this.#handlers = handlers
    const answers = openAnswers(channel, window)
    const sources = openSources(handlers.openSource)
    const answer: SessionParts['answer'] = (file, stored) => this.#answer(file, stored)
    this.#parts = { store, answers, sources, session, answer }
    this.#large = new LargeFiles(this.#parts, (header) => channel.send('resume', header))
  }

  /**
   * @param onUsed is called when a batch's memory may be reused.
   * @throws WireFault
   */
  handle(frame: Frame, onUsed?: () => void) {
    switch (frame.type) {
      case 'source':
        return this.#parts.sources.declare(frame.header)
      case 'batch':
        return receiveBatch(this.#parts, frame.header, frame.payload, onUsed)
      case 'begin':
        return this.#large.begin(frame.header)
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
        throw new WireFault(`${frame.type} frame not expected now`)
    }
  }

  /** Ends the session. Removes partial files; `keep`: except those that can be resumed. */
  close(keep: boolean): void {
    this.#large.close(keep)
    this.#gone.abort()
  }

  #answer({ id, source, path, size }: AskedFile, { outcome, position }: Stored): void {
    if (isDurable(outcome)) this.#handlers.onReceived?.(1, size)
    else if (outcome.status !== 'aborted' && outcome.status !== 'unknown')
      this.#handlers.onRefused?.(source, path, outcome)
    this.#parts.answers.add(id, outcome, position)
  }

  #copy(header: FrameHeader<'copy'>): void {
    const { store, answers, sources, session } = this.#parts
    const { id, source, path, size, facts, digest, fromSource, fromPath, moved } = header
    answers.spend(0, 1)
    void sources
      .find([source, fromSource, ...header.directories.map(([number]) => number)])
      .then((found) => {
        const file: Offered = { source: found(source), path, facts: decodeMetadata(facts, size), session }
        const directories = parseDirectories(header.directories, found)
        const from = { source: found(fromSource), path: fromPath }
        const copy = { from, digest, isMoved: moved, directories }
        return store.copy(file, copy, this.#gone.signal, this.#copyTurns)
      })
      .catch((error: unknown): Stored => ({ outcome: toOutcome(error), position: 0 }))
      .then((stored) => {
        // A check of an existing file counts as no stored file. For a copy no bytes were transferred: its size is 0.
        if (source === fromSource && path === fromPath) answers.add(id, stored.outcome, stored.position)
        else this.#answer({ id, source: sources.getName(source), path, size: 0 }, stored)
      })
  }

  #prove({ id, source, path, size, nonce }: FrameHeader<'prove'>): void {
    const { store, answers, sources } = this.#parts
    answers.spend(0, 1)
    void sources
      .find([source])
      .then((found) => {
        const of = { source: found(source), path }
        return withPermit(this.#copyTurns, () => store.prove(of, size, nonce, this.#gone.signal))
      })
      .then(
        (digest) => answers.prove({ id, digest, reason: '' }),
        (error: unknown) => {
          const { status, detail } = toOutcome(error)
          answers.prove({ id, digest: null, reason: `${status} ${detail}`.slice(0, 200) })
        },
      )
  }
}
