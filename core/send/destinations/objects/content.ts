import { createHasher, digestOf } from '../../../platform/digest.ts'
import type { ObjectFacts, ObjectStore, PutOptions } from './object-store.ts'

const NS_IN_SECOND = 1_000_000_000n
/**
 * The digest of what is read from the store now, behind `front` if there is one; null: it is not so long.
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

/** Times are compared in whole seconds, as no store has less; both in nanoseconds. */
export const isOtherSecond = (a: bigint, b: bigint): boolean => a / NS_IN_SECOND !== b / NS_IN_SECOND

/**
 * Returns true if the store has this very content, from this very second, under a name; then it has the file's facts, too, when
 * this resolves.
 * @param facts without a digest: nobody knows the one that the store has.
 * @param reads false: the ledger is trusted, and the content is not read back.
 * @param storedNs the time that the content was sent with, where the file has another one since.
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
    // The metadata does not change when the content is damaged.
    const found = await digestAt(store, name, facts.size, signal)
    if (found === null || digest === null || Buffer.compare(found, digest) !== 0) return false
  }
  if (there.mode !== kept.mode || there.mtimeNs !== kept.mtimeNs) await store.setFacts(name, facts)
  return true
}

/** A small object, and no more of it than so many bytes and a piece. @throws StoreFault. */
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

/** An object of Holdfast's own. @throws StoreFault. */
export async function putOwn(
  store: Pick<ObjectStore, 'put'>,
  name: string,
  bytes: Uint8Array,
  options: PutOptions,
): Promise<void> {
  const mtimeNs = BigInt(Date.now()) * 1_000_000n
  await store.put(name, bytes, { size: bytes.length, mtimeNs, mode: 0o644, digest: digestOf(bytes) }, options)
}
