import type { TransferResult } from '../ledger/ledger.ts'
import type { Message } from '../lib/i18n/message.ts'
import type { FileMetadata } from '../platform/file-metadata.ts'
import type { Proposal } from '../protocol/proposal.ts'
import type { Connection, Decision } from './backend-messages.ts'

// The interface between the queue and the destinations: the code above it uses no sockets and no frames. A new kind of
// destination is a folder beside receiver/ with a function that opens a `Destination`.

/** A destination's answer when asked to prove that it has a content. */
export type Proof =
  /** The digest of a nonce followed by the content, which was read from the disk just now. */
  | { kind: 'digest'; digest: Uint8Array }
  /** The bytes read back just now equal those stored for the content when it was sent: see the seal. */
  | { kind: 'sealed' }
  /** The content is in cold storage and cannot be read; the store has one of this size under this name. */
  | { kind: 'cold' }
  /** The destination has no such file. */
  | { kind: 'absent' }
  /** The destination has another content under this name. */
  | { kind: 'differs' }
  /** The destination cannot read the file; `code`: the error name. */
  | { kind: 'unreadable'; code: string }
  /** No proof was possible, or the connection ended. */
  | { kind: 'unavailable' }

/** Length of a proof's nonce. */
export const NONCE_BYTES = 32

/** A source, as a destination gets it. */
export interface OutgoingSource {
  id: string
  /** The preferred name of the source's folder there; another is chosen if it is taken. */
  name: string
  /** Absolute path of the source's directory on this computer, for messages. */
  path: string
}

/** A directory above the files; the path of the source's own directory is empty. */
export interface FoundDirectory {
  path: string
  facts: FileMetadata
  /** When the facts were read, on the clock that all threads share (process.hrtime). */
  readAt: bigint
}

export interface Outgoing {
  source: OutgoingSource
  path: string
  facts: FileMetadata
  /**
   * When the destination first stored this very content, in milliseconds since 1970; left out: unknown. It is sent
   * again, so the copy there is damaged or missing.
   */
  storedAt?: number | undefined
}

/** A small file with its content. */
export interface SmallOutgoing extends Outgoing {
  bytes: Uint8Array
  digest: Uint8Array
}

export interface SmallEvents {
  /**
   * Called when the files can go now or wait only for the line. False cancels them; no other callback follows.
   */
  onTurn(): boolean
  /** The bytes were handed over and their memory may be reused; not called if the connection is lost first. */
  onUsed(): void
  /** The result for one file, by its index. */
  onResult(index: number, result: TransferResult): void
}

/** The largest group of small files that a session takes in one call. A single file is always accepted. */
interface SessionLimits {
  /** Small files in one call. */
  readonly files: number
  /** Bytes of these files, at most 1 MiB; changes with the rate limit's schedule. */
  readonly bytes: number
}

/** A content that the destination should already have. */
interface CopyFrom {
  source: OutgoingSource
  path: string
  /** The name no longer exists at the source. */
  isMoved: boolean
  /**
   * True if this is the file's own name, and no event has put the destination's copy in doubt: only the file's mode,
   * times or attributes have changed, and the content is not read back.
   */
  isTrusted: boolean
  /** The modification time that a trusted content was sent with; left out: the file's own. */
  storedNs?: bigint
  /** The time that the content has there since its own was lost: only then it gets its facts again. */
  lostNs?: bigint
}

/** A file that is sent in chunks. */
export interface Upload {
  /** Bytes that the destination already has: they are not sent. */
  readonly offset: number
  /**
   * Sends the next bytes and releases their memory (chunkBuffers) after use. Returns false if the file already has an
   * answer or the connection is lost.
   */
  chunk(bytes: Buffer): Promise<boolean>
  /** Sends this many zeros without their bytes. Left out: zeros are sent like other bytes. */
  zeros?(count: number): Promise<boolean>
  end(digest: Buffer): Promise<TransferResult>
  /** @param keep allows the destination to keep the part, so that the upload can be resumed. */
  abort(keep: boolean): Promise<TransferResult>
}

/** Bytes of the file system that a destination is on. */
export interface Space {
  /** Bytes that can still be written. */
  free: number
  total: number
}

/** A destination that is connected now. */
export interface Session {
  /**
   * The destination has files of this computer that the ledger does not list: before a file is sent, the destination is
   * asked for it.
   */
  readonly asksFirst: boolean
  /**
   * Names under which the destination can find a content: `any` name of this computer, a file's `own` name, the own
   * name only if it is `trusted` (see CopyFrom; for encrypted contents), or `none`.
   */
  readonly copies: 'any' | 'own' | 'trusted' | 'none'
  readonly limits: SessionLimits
  /**
   * Sends small files of one source together; resolves when their bytes are handed over or the connection is lost.
   * @param directories the directories above the files.
   */
  sendSmall(
    files: readonly SmallOutgoing[],
    directories: readonly FoundDirectory[],
    events: SmallEvents,
  ): Promise<void>
  /**
   * Begins a large file; returns null if the connection is lost.
   * @param identity identifies the content for resuming; left out: no part is kept.
   */
  begin(file: Outgoing, directories: readonly FoundDirectory[], identity?: string): Promise<Upload | null>
  /**
   * Has the destination copy a content that it has, or update the metadata if the file already has that content.
   * Returns null if it does not have the content, which then has to be sent.
   */
  copy(
    file: Outgoing,
    directories: readonly FoundDirectory[],
    digest: Uint8Array,
    from: CopyFrom,
  ): Promise<TransferResult | null>
  /**
   * Has the content read from the disk. Unless it is a sample, the destination keeps the file and its older versions from
   * then on: the caller removes its own file after the proof.
   * @param nonce may be empty for a destination whose content is read by this computer.
   * @param seal the seal from the answer to the upload.
   */
  prove(
    source: OutgoingSource,
    path: string,
    size: number,
    nonce: Uint8Array,
    seal?: Uint8Array | null,
    isSample?: boolean,
  ): Promise<Proof>
  /** Returns null if the destination does not report it. Left out: this kind never does. */
  space?(): Promise<Space | null>
  readonly closed: boolean
}

/** The session as its own kind sees it. */
export interface OwnSession extends Session {
  /** Closes the session; files without an answer are lost. */
  close(): void
}

export interface DestinationEvents {
  /** A session begins. It ends when its `closed` is true; `onSession(null)` follows. */
  onSession(session: Session | null): void
  /** `isToItself`: the destination is on this computer, which is known only once connected, as is `isDurable`. */
  onState(
    state: Connection['state'],
    problem: Message | null,
    isToItself?: boolean,
    isDurable?: boolean,
  ): void
  /** The reason why files wait although there is a session, or null. */
  onTrouble(trouble: Message | null): void
  /** A message for the person that does not end the session. */
  onNotice(sentence: Message): void
  /** Files that the destination asked for again now wait. */
  onWanted(): void
  /**
   * A receiver proposes settings; null: none wait for a decision. `decide` sends the decision, unless the session has
   * ended. Omitted: nothing can be proposed.
   */
  onProposal?(proposal: Proposal | null, decide: (decision: Decision) => void): void
  log(level: 'info' | 'warn', text: string): void
}

/** Keeps a session open as long as the destination is wanted, and reconnects without end. */
export interface OpenDestination {
  /** @param isLast no other destination follows: pending messages are sent first. Resolves when that is done. */
  stop(isLast?: boolean): Promise<void> | void
}
