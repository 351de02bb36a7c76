import { computeDigest, createHasher } from '../../../platform/digest.ts'
import type { ObjectFacts, ObjectStore, PutOptions } from './object-store.ts'

const NS_IN_SECOND = 1_000_000_000n
/**
 * Returns the digest of an object as the store reads it now, after hashing `front` if given; null if its length is
 * not `size`.
 * @throws StoreFault.
 */
export async function digestAt(
  store: Pick<ObjectStore, 'read'>,
  name: string,
  size: number,
  signal: AbortSignal,
  front?: Uint8Array,
): Promise<Buffer | null> {
  const hasher = createHasher()
  if (front !== undefined) hasher.update(front)
  let bytes = 0
  for await (const piece of store.read(name, 0, signal)) {
    bytes += piece.length
    if (bytes > size) return null
    hasher.update(piece)
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
 * @throws StoreFault.
 */
export async function adoptContent(
  store: ObjectStore,
  name: string,
  facts: ObjectFacts,
  { reads, storedNs = facts.mtimeNs }: { reads: boolean; storedNs?: bigint | undefined },
  signal: AbortSignal,
): Promise<boolean> {
  const there = await store.info(name)
  const kept = store.kept(facts)
  const { digest } = facts
  if (there === null || there.size !== facts.size) return false
  const sent = store.kept({ ...facts, mtimeNs: storedNs })
  if ([kept, sent].every(({ mtimeNs }) => isOtherSecond(there.mtimeNs, mtimeNs))) return false
  if (there.digest !== null && digest !== null && Buffer.compare(there.digest, digest) !== 0) return false
  if (reads) {
    // Metadata do not show that the content is damaged.
    const found = await digestAt(store, name, facts.size, signal)
    if (found === null || digest === null || Buffer.compare(found, digest) !== 0) return false
  }
  if (there.mode !== kept.mode || there.mtimeNs !== kept.mtimeNs) await store.setFacts(name, facts)
  return true
}

/** Reads a small object; stops after the piece that exceeds `most` bytes. @throws StoreFault. */
export async function readSmall(
  store: Pick<ObjectStore, 'read'>,
  name: string,
  signal: AbortSignal,
  most: number,
): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of store.read(name, 0, signal)) {
    pieces.push(Buffer.from(piece))
    bytes += piece.length
    if (bytes > most) break
  }
  return Buffer.concat(pieces)
}

/** Writes an object of Holdfast's own. @throws StoreFault. */
export async function putOwn(
  store: Pick<ObjectStore, 'put'>,
  name: string,
  bytes: Uint8Array,
  options: PutOptions,
): Promise<void> {
  const mtimeNs = BigInt(Date.now()) * 1_000_000n
  await store.put(
    name,
    bytes,
    { size: bytes.length, mtimeNs, mode: 0o644, digest: computeDigest(bytes) },
    options,
  )
}
