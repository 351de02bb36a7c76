import type { Message } from '../../lib/i18n/message.ts'
import type { FileFacts } from '../../platform/facts.ts'
import type { FoundDirectory } from '../reading/group.ts'
import type { Connection } from '../sender-messages.ts'

// The seam between the queue and what takes the files: above it nothing knows of sockets or frames. A new kind of
// destination is a folder beside receiver/ with a function that opens a `Destination`.

/** What a destination says of a file. */
export type Answer =
  /** It is on the destination's disk, maybe from before. `position`: see Ledger.rememberPosition; 0 without one. */
  | {
      kind: 'durable'
      position: number
      /** Digest of what it has in place of the content, which was encrypted here; it is given back to `prove`. */
      seal?: Uint8Array | undefined
    }
  /** It is never taken as it is. */
  | { kind: 'refused'; reason: Message }
  /**
   * It was not taken this time. `trouble`: whether the destination can take no other file either; `maybe`: several such
   * answers in a row say so.
   */
  | { kind: 'again'; reason: Message | null; trouble: 'no' | 'maybe' | 'yes' }
  /** The connection ended before anything was said. */
  | { kind: 'lost' }

/** What a destination says when it is asked to prove that it has a content. */
export type Proof =
  /** The digest of a nonce and of the content behind it, as it was read from the disk just now. */
  | { kind: 'digest'; digest: Uint8Array }
  /** What was read back just now, byte by byte, is what was made of the content when it was sent: see the seal. */
  | { kind: 'sealed' }
  /** It has no such file. */
  | { kind: 'absent' }
  /** It cannot say, or the connection ended. */
  | { kind: 'unavailable' }

/** Of a proof's nonce. */
export const NONCE_BYTES = 32

/** A source as a destination is told of it. */
export interface OutgoingSource {
  id: string
  /** Of its folder there, if that name is free. */
  name: string
  /** Absolute path of its directory here, for what people are told. */
  path: string
}

export interface Outgoing {
  source: OutgoingSource
  path: string
  facts: FileFacts
}

/** A small file with its content. */
export interface SmallOutgoing extends Outgoing {
  bytes: Uint8Array
  digest: Uint8Array
}

export interface SmallEvents {
  /**
   * They would go now, or wait for no more than the line. False: they are not sent after all; nothing more is called.
   */
  onTurn(): boolean
  /** Their bytes are on their way, and their memory may be used again; not called where the connection is lost before. */
  onUsed(): void
  /** What became of one of the files, by its index. */
  onAnswer(index: number, answer: Answer): void
}

/** What a session takes together. A single file always goes. */
export interface SessionLimits {
  /** Small files in one call. */
  readonly files: number
  /** Their bytes, at most 1 MiB; they change with the time of day, as the limit of the line does. */
  readonly bytes: number
}

/** A content that the destination should have. */
export interface CopyFrom {
  source: OutgoingSource
  path: string
  /** That name is gone at the source. */
  isMoved: boolean
  /**
   * It is the file's own name, and nothing has called in question that the destination has the content there: only the
   * file's mode, times or attributes have changed, and nothing is read back.
   */
  isTrusted: boolean
  /** The time of modification that the content was sent with, where it is trusted; left out: the file's own. */
  storedNs?: bigint
}

/** A file that is sent in chunks. */
export interface Upload {
  /** Bytes that the destination has from before: they are not sent. */
  readonly offset: number
  /**
   * Sends the next bytes, and gives their memory back (chunkBuffers) when it is not needed any more; false: there is an
   * answer already, or the connection is lost.
   */
  chunk(bytes: Buffer): Promise<boolean>
  /** The next bytes are so many zeros. Left out: they are sent like any others. */
  zeros?(count: number): Promise<boolean>
  end(digest: Buffer): Promise<Answer>
  /** `keep`: the destination may keep what it has, to go on with it. */
  abort(keep: boolean): Promise<Answer>
}

/** Bytes of the file system that a destination is on. */
export interface Space {
  /** What may still be written. */
  free: number
  total: number
}

/** A destination that can be reached now. */
export interface Session {
  /**
   * The destination has files of this computer that the ledger does not know of: before a file is sent, it is asked
   * whether it is there.
   */
  readonly asksFirst: boolean
  /**
   * Names under which it can find a content that it has: `any` name of this computer, a file's `own` name alone, or, as contents
   * are encrypted, the own name where that is `trusted` (see CopyFrom), or nothing.
   */
  readonly copies: 'any' | 'own' | 'trusted' | 'none'
  readonly limits: SessionLimits
  /**
   * Sends whole small files of one source together; resolves when they are on their way, or lost.
   * @param directories those on the way to them.
   */
  sendSmall(
    files: readonly SmallOutgoing[],
    directories: readonly FoundDirectory[],
    events: SmallEvents,
  ): Promise<void>
  /**
   * Begins a large file; null: the connection is lost.
   * @param identity which file it is, if the destination may have a part of it; left out: it is sent whole.
   */
  begin(file: Outgoing, directories: readonly FoundDirectory[], identity?: string): Promise<Upload | null>
  /**
   * Has the destination copy a file of its own, or give it new facts where it is the very file; null: it has no such
   * content, which has to be sent.
   */
  copy(
    file: Outgoing,
    directories: readonly FoundDirectory[],
    digest: Uint8Array,
    from: CopyFrom,
  ): Promise<Answer | null>
  /** @param seal what the destination answered with the content. */
  prove(
    source: OutgoingSource,
    path: string,
    size: number,
    nonce: Uint8Array,
    seal?: Uint8Array | null,
  ): Promise<Proof>
  /** null: it does not say. Left out: its kind never does. */
  space?(): Promise<Space | null>
  readonly closed: boolean
}

/** A session of a kind's own. */
export interface OwnSession extends Session {
  /** Whatever has not been answered is lost. */
  close(): void
}

export interface DestinationEvents {
  /** A session begins; it is over when its `closed` says so, and then `onSession(null)` follows. */
  onSession(session: Session | null): void
  /** `isToItself`: it is on this computer, which is known once there is a connection. */
  onState(state: Connection['state'], problem: Message | null, isToItself?: boolean): void
  /** Why files wait although there is a session, or null. */
  onTrouble(trouble: Message | null): void
  /** A person should know this, though there is a session. */
  onNotice(sentence: Message): void
  /** Files that the destination wants again wait now. */
  onWanted(): void
  log(level: 'info' | 'warn', text: string): void
}

/** Keeps up a session for as long as the destination is wanted, and tries for ever to have one. */
export interface OpenDestination {
  /** @param isLast no other one follows: what is still to be said is said first. Resolves when that is done. */
  stop(isLast?: boolean): Promise<void> | void
}
