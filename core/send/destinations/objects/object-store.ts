import type { Space } from '../destination.ts'

/** The stored metadata of an object. A store that cannot keep a value reports the nearest one. */
export interface ObjectFacts {
  /** Bytes of the content. */
  size: number
  /** The file's modification time, in nanoseconds since 1970; SFTP keeps whole seconds. */
  mtimeNs: bigint
  /** Permission bits, as in FileFacts. */
  mode: number
  /** BLAKE3 digest of the content as it was sent (core/platform/digest.ts); null: the store keeps none. */
  digest: Uint8Array | null
}

export interface ObjectInfo extends ObjectFacts {
  name: string
  /** When the store received it, in milliseconds since 1970. */
  storedAt: number
  /** For a version that was set aside by copying: when its content was first stored. Listings do not include it. */
  firstStoredAt?: number | undefined
  /** Id of an older version, if the store itself keeps versions; null: the current one. */
  version: string | null
}

/** The kinds of store errors, distinguished by the sender's reaction. */
export type StoreFaultKind =
  /** The connection is lost or the server does not answer: retry on a new connection. */
  | 'lost'
  /** The object does not exist. */
  | 'absent'
  /** The name, or that of a directory above it, is taken by an object, which was not to be replaced. */
  | 'exists'
  /** No space, or a quota: other files would fail, too. */
  | 'full'
  /** Permission denied: other files would fail, too. */
  | 'denied'
  /** The store does not support this name or size. */
  | 'impossible'
  /** The stored bytes differ from those sent. */
  | 'damaged'
  /** Any other error. */
  | 'failed'

export class StoreFault extends Error {
  readonly kind: StoreFaultKind
  /** The server's message, or the system's error code. */
  readonly reason: string

  constructor(kind: StoreFaultKind, reason: string, options?: ErrorOptions) {
    super(`${kind}: ${reason}`, options)
    this.kind = kind
    this.reason = reason
  }
}

export interface ObjectPage {
  objects: ObjectInfo[]
  /** Directories directly below the prefix, ending with "/"; empty in a deep listing. */
  directories: string[]
  /** The start of the next page; null: this is the last one. */
  next: string | null
}

/** A large object that is sent in pieces; after a failure only `abort` may be called. */
export interface ObjectUpload {
  /** Bytes that the store already has. */
  readonly offset: number
  /** Resolves when there is room for more; the memory may be reused then. */
  write(bytes: Uint8Array): Promise<void>
  /** Resolves when the object has its name and is durable. `makeRoom` is called when only the naming remains. */
  finish(digest: Uint8Array, makeRoom?: () => Promise<void>): Promise<void>
  /** @param keep keeps the bytes sent so far, so that the upload can be resumed. */
  abort(keep: boolean): Promise<void>
}

export interface PutOptions {
  /** Replaces an object of that name; false: throws the fault `exists`. */
  replace: boolean
}

/**
 * A store on another computer that keeps objects by name: the common interface of SFTP and S3. Names are relative to
 * the destination's own prefix, with "/". All functions throw StoreFault.
 */
export interface ObjectStore {
  readonly can: {
    /** The best number of objects under way at a time. */
    parallel: number
    /** Stored objects survive a crash of the server; false: unknown. */
    durable: boolean
    /** The store records when it received an object; false: `storedAt` is the file's modification time. */
    dates: boolean
    /** The disk can be unmounted: missing objects are then not lost, and the directory below must not be written. */
    vanish: boolean
  }
  /** Resolves when the object has its name and is durable. */
  put(name: string, bytes: Uint8Array, facts: ObjectFacts, options: PutOptions): Promise<void>
  /**
   * @param resume identifies the content, so that a part from an earlier attempt can be used; null: none is.
   */
  begin(name: string, facts: ObjectFacts, resume: string | null): Promise<ObjectUpload>
  /** Returns these facts as `info` would: some stores keep only whole seconds, or no digest. */
  kept(facts: ObjectFacts): ObjectFacts
  /**
   * Changes the mode, time and digest of an object without reading or sending its content. A digest of null keeps the
   * current one.
   */
  setFacts(name: string, facts: ObjectFacts): Promise<void>
  /** Returns null if the object does not exist. */
  info(name: string, version?: string | null): Promise<ObjectInfo | null>
  /** Reads the content from a byte offset, freshly from the store. */
  read(name: string, from: number, signal: AbortSignal, version?: string | null): AsyncIterable<Uint8Array>
  /**
   * Renames an object as an older version; a store that keeps versions itself only removes it.
   * @param isReplaced another content gets the name next, so the object may keep it until then.
   * @returns true if an object now has the name `to`.
   */
  setAside(name: string, to: string, isReplaced: boolean): Promise<boolean>
  /** Returns the older versions that the store itself keeps, newest first. */
  versions(name: string): Promise<ObjectInfo[]>
  /** Lists in the byte order of the names. @param deep all objects below the prefix, not only those directly there. */
  list(prefix: string, after: string | null, deep: boolean): Promise<ObjectPage>
  remove(name: string): Promise<void>
  /**
   * Returns when a directory last gained or lost a name, by the store's clock. Left out: its objects' times show it.
   */
  lastChange?(directory: string): Promise<number>
  /**
   * Returns the nearest directory with this file, upwards from the store's root directory; null: none that this login
   * can read.
   */
  above(name: string): Promise<string | null>
  /** Returns null if the store does not report it. Left out: this kind never does. */
  space?(): Promise<Space | null>
  /**
   * Removes the remains of earlier sessions' uploads that cannot be resumed, or are older than this (milliseconds since
   * 1970).
   */
  sweep(olderThan: number): Promise<void>
  /** Resolves with the reason when the connection is lost; never if the store has no lasting connection. */
  readonly ended: Promise<unknown>
  close(): void
}
