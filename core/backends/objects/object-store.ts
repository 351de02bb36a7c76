import { UserError } from '../../lib/i18n/user-error.ts'
import { computeDigest, createHasher } from '../../platform/digest.ts'
import type { Space } from '../destination.ts'
import { orIf } from '../errors.ts'

// The interface of a store of objects, and reads and writes that the session and the owner of a folder share.

const NS_IN_SECOND = 1_000_000_000n
/** Maximum number of names to list where a destination has few: directories of computers or sources, and key files. */
const MOST_LISTED = 10_000

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
  /**
   * For a content that was set aside by copying, or stored again: when it was first stored. Listings do not include it.
   */
  firstStoredAt?: number | undefined
}

export interface ObjectInfo extends ObjectFacts {
  name: string
  /** When the store received it, in milliseconds since 1970. */
  storedAt: number
  /** Id of an older version, if the store itself keeps versions; null: the current one. */
  version: string | null
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
  /**
   * Resolves when the object has its name and is durable.
   * @param freeName moves an older object away from the name; called when only the naming remains.
   */
  finish(digest: Uint8Array, freeName?: () => Promise<void>): Promise<void>
  /** @param keep keeps the bytes sent so far, so that the upload can be resumed. */
  abort(keep: boolean): Promise<void>
}

export interface PutOptions {
  /**
   * Replaces an object of that name; false: throws the error `exists`. A function is called if something has the name:
   * it keeps the object there as an older version, or returns false, and nothing is stored. The content crosses the line
   * once: it is at the store by then, or not sent yet. The name is without an object only if the store cannot exchange.
   */
  replace: boolean | (() => Promise<boolean>)
}

/**
 * A store on another computer that keeps objects by name: the common interface of SFTP, S3 and WebDAV. Names are relative to
 * the destination's own prefix, with "/". All functions throw BackendError, or a UserError if only a person can help.
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
   * Stores an object under the name of an older version; a store that keeps versions itself only removes it.
   * @param isReplaced another content gets the name next, so the object keeps it until then if the store can do that.
   * @returns true if an object now has the name `to`.
   */
  setAside(name: string, to: string, isReplaced: boolean): Promise<boolean>
  /**
   * Asks the store to make a content in cold storage readable, which takes hours; once more is no error. Left out: the
   * store has no cold storage.
   */
  thaw?(name: string, version?: string | null): Promise<void>
  /** Returns the older versions that the store itself keeps, newest first. */
  versions(name: string): Promise<ObjectInfo[]>
  /**
   * Lists the objects that were there at a time (milliseconds since 1970; null: just before their removal) and have been
   * removed since, as they were then; if not `deep`, only the directories of removed and of existing objects. Left out:
   * a removed object is gone.
   */
  removed?(prefix: string, after: string | null, at: number | null, deep: boolean): Promise<ObjectPage>
  /** Locks an object anew, its current and its oldest version, that was written long ago and is still needed. Left out: this kind has no locks. */
  renewLock?(name: string): Promise<void>
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

/**
 * Returns the digest of an object as the store reads it now, after hashing `front` if given; null if its length is
 * not `size`.
 * @throws BackendError.
 */
export async function digestAt(
  store: Pick<ObjectStore, 'read'>,
  name: string,
  size: number,
  signal: AbortSignal,
  front?: Uint8Array,
  wait?: (bytes: number) => Promise<unknown>,
): Promise<Buffer | null> {
  const hasher = createHasher()
  if (front !== undefined) hasher.update(front)
  let bytes = 0
  for await (const piece of store.read(name, 0, signal)) {
    bytes += piece.length
    if (bytes > size) return null
    hasher.update(piece)
    await wait?.(piece.length)
  }
  return bytes === size ? hasher.digest() : null
}

/** Compares times in nanoseconds by whole seconds, the coarsest unit that stores keep. */
export const isOtherSecond = (a: bigint, b: bigint): boolean => a / NS_IN_SECOND !== b / NS_IN_SECOND

/**
 * Returns true if the object under a name has this content and this time, to the second. Then it also gets the file's
 * mode and time before this resolves.
 * @param facts its digest may be null if the stored one is unknown.
 * @param reads false: the ledger is trusted, and the content is not read back.
 * @param storedNs the time that the content was sent with, if the file's time has changed since.
 * @param lostNs the only time that the object may have, as its own was lost.
 * @throws BackendError.
 */
export async function adoptContent(
  store: ObjectStore,
  name: string,
  facts: ObjectFacts,
  {
    reads,
    storedNs = facts.mtimeNs,
    lostNs,
  }: { reads: boolean; storedNs?: bigint | undefined; lostNs?: bigint | undefined },
  signal: AbortSignal,
): Promise<boolean> {
  const there = await store.info(name)
  const kept = store.kept(facts)
  const { digest } = facts
  if (there === null || there.size !== facts.size) return false
  const sent = store.kept({ ...facts, mtimeNs: storedNs })
  const times = lostNs === undefined ? [kept.mtimeNs, sent.mtimeNs] : [lostNs]
  if (times.every((time) => isOtherSecond(there.mtimeNs, time))) return false
  if (there.digest !== null && digest !== null && Buffer.compare(there.digest, digest) !== 0) return false
  if (reads) {
    // Metadata do not show that the content is damaged. In cold storage they have to do.
    const found = await digestAt(store, name, facts.size, signal).catch(orIf('cold', there.digest))
    if (found === null || digest === null || Buffer.compare(found, digest) !== 0) return false
  }
  if (there.mode !== kept.mode || there.mtimeNs !== kept.mtimeNs) await store.setFacts(name, facts)
  return true
}

/**
 * Collects the names of a whole listing.
 * @param listPage returns null if the store has no such listing.
 * @param at the destination's name. @param prefix of the names.
 * @throws UserError if there are too many, as only somebody else writes them; BackendError.
 */
export async function listAll<T>(
  listPage: (after: string | null) => Promise<ObjectPage | null>,
  pick: (page: ObjectPage) => readonly T[],
  { at, prefix }: { at: string; prefix: string },
): Promise<T[]> {
  const found: T[] = []
  let after: string | null = null
  let pages = 0
  do {
    const page: ObjectPage | null = await listPage(after)
    if (page === null) break
    found.push(...pick(page))
    after = page.next
    pages += 1
    if (found.length + pages > MOST_LISTED)
      throw new UserError('restore.tooManyNames', { name: at, most: MOST_LISTED, prefix: prefix || '/' })
  } while (after !== null)
  return found
}

/** Reads a small object; stops after the piece that exceeds `most` bytes. @throws BackendError. */
export async function readSmall(
  store: Pick<ObjectStore, 'read'>,
  name: string,
  signal: AbortSignal,
  most: number,
  version: string | null = null,
): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of store.read(name, 0, signal, version)) {
    pieces.push(Buffer.from(piece))
    bytes += piece.length
    if (bytes > most) break
  }
  return Buffer.concat(pieces)
}

/** Writes an object of Holdfast's own. @param mtimeNs its time; left out: now. @throws BackendError. */
export async function putOwn(
  store: Pick<ObjectStore, 'put'>,
  name: string,
  bytes: Uint8Array,
  options: PutOptions,
  mtimeNs = BigInt(Date.now()) * 1_000_000n,
): Promise<void> {
  await store.put(
    name,
    bytes,
    { size: bytes.length, mtimeNs, mode: 0o644, digest: computeDigest(bytes) },
    options,
  )
}
