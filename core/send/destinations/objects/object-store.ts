import type { Space } from '../destination.ts'

/** What is kept of an object besides its name. Where the store cannot keep something, it says the nearest. */
export interface ObjectFacts {
  /** Bytes of the content. */
  size: number
  /** Of the file's modification, in nanoseconds since 1970; SFTP has whole seconds. */
  mtimeNs: bigint
  /** Permission bits, as in FileFacts. */
  mode: number
  /** Of the content as it was sent (core/platform/digest.ts: BLAKE3); null: the store keeps none. */
  digest: Uint8Array | null
}

export interface ObjectInfo extends ObjectFacts {
  name: string
  /** When the store took it, in milliseconds since 1970. */
  storedAt: number
  /** Of one that was set aside by copying: when its content was stored at first. A listing does not tell. */
  firstStoredAt?: number | undefined
  /** One older content of the name, where the store itself keeps them; null: the current one. */
  version: string | null
}

/** What went wrong at a store, by what the sender has to do about it. */
export type StoreFaultKind =
  /** The connection is lost, or the server does not answer: try again with a new one. */
  | 'lost'
  /** There is no such object. */
  | 'absent'
  /** There is one already, or one stands where a directory on the way to it has to be; and it was not to be replaced. */
  | 'exists'
  /** No room, or a quota: nothing else goes, either. */
  | 'full'
  /** Not allowed: nothing else goes, either. */
  | 'denied'
  /** The store cannot have this name, or this size. */
  | 'impossible'
  /** What arrived is not what was sent. */
  | 'damaged'
  /** Anything else. */
  | 'failed'

export class StoreFault extends Error {
  readonly kind: StoreFaultKind
  /** What the server says, or the system's code. */
  readonly reason: string

  constructor(kind: StoreFaultKind, reason: string, options?: ErrorOptions) {
    super(`${kind}: ${reason}`, options)
    this.kind = kind
    this.reason = reason
  }
}

export interface ObjectPage {
  objects: ObjectInfo[]
  /** Directly below the prefix, with "/" at their ends; none where all below it is listed. */
  directories: string[]
  /** Where the next page begins; null: there is none. */
  next: string | null
}

/** A large object that is sent in pieces; after a failure only `abort` may be called. */
export interface ObjectUpload {
  /** Bytes that are there from before. */
  readonly offset: number
  /** Resolves when there is room for more; the bytes may be changed then. */
  write(bytes: Uint8Array): Promise<void>
  /** Resolves when the object has its name and is durable. `makeRoom` is called when nothing but the name is left to be done. */
  finish(digest: Uint8Array, makeRoom?: () => Promise<void>): Promise<void>
  /** `keep`: what was sent stays, to go on with it. */
  abort(keep: boolean): Promise<void>
}

export interface PutOptions {
  /** An object of that name is replaced; false: the fault is `exists`. */
  replace: boolean
}

/**
 * A place at another computer that keeps objects by their names: what SFTP and S3 have in common. Names are relative to
 * the destination's own prefix, with "/". Everything throws StoreFault.
 */
export interface ObjectStore {
  readonly can: {
    /** Objects that are best under way at a time. */
    parallel: number
    /** "Stored" means that it outlives a crash of the server; false: nobody knows. */
    durable: boolean
    /** It tells when it took an object; false: `storedAt` is the time of the file's modification. */
    dates: boolean
    /** Its disk may be unmounted: what is missing then is not lost, and what is in its place is not to be written to. */
    vanish: boolean
  }
  /** Resolves when the object has its name and is durable. */
  put(name: string, bytes: Uint8Array, facts: ObjectFacts, options: PutOptions): Promise<void>
  /**
   * @param resume tells which content it is, so that what an earlier attempt has sent can be used; null: nothing is.
   */
  begin(name: string, facts: ObjectFacts, resume: string | null): Promise<ObjectUpload>
  /** The facts that `info` returns for an object stored with these: some stores keep no fractions of a second, or no digest. */
  kept(facts: ObjectFacts): ObjectFacts
  /**
   * Gives an object that is there another mode, time and digest; its content is neither read nor sent. A digest of null
   * leaves the one that it has.
   */
  setFacts(name: string, facts: ObjectFacts): Promise<void>
  /** null: there is none. */
  info(name: string, version?: string | null): Promise<ObjectInfo | null>
  /** The content from a byte on, read from the store now. */
  read(name: string, from: number, signal: AbortSignal, version?: string | null): AsyncIterable<Uint8Array>
  /**
   * Gives an object another name; where the store keeps older contents by itself it is only removed.
   * @param isReplaced another content gets the name next: until then it may keep this one.
   * @returns whether it has the other name.
   */
  setAside(name: string, to: string, isReplaced: boolean): Promise<boolean>
  /** The older contents that the store itself keeps, newest first. */
  versions(name: string): Promise<ObjectInfo[]>
  /** In the order of the names' bytes. @param deep all below the prefix, not only what is directly there. */
  list(prefix: string, after: string | null, deep: boolean): Promise<ObjectPage>
  remove(name: string): Promise<void>
  /** When a name in a directory was given or taken away last, by the store's clock. Left out: its objects tell. */
  lastChange?(directory: string): Promise<number>
  /**
   * The nearest directory that has this file, from the one that all names are in upwards; null: none, as far as this login
   * may look.
   */
  above(name: string): Promise<string | null>
  /** null: it does not say. Left out: no such store does. */
  space?(): Promise<Space | null>
  /**
   * Removes what uploads of earlier sessions have left behind, if it cannot be gone on with, or is older than this
   * (milliseconds since 1970).
   */
  sweep(olderThan: number): Promise<void>
  /** Resolves with the reason when the connection is lost; never, where there is none to lose. */
  readonly ended: Promise<unknown>
  close(): void
}
