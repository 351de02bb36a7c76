import { Blake3Hasher } from '@napi-rs/blake-hash'

/**
 * What tells one content from another: BLAKE3 (https://github.com/BLAKE3-team/BLAKE3-specs), 32 bytes; as text 64
 * lower-case hexadecimal digits.
 */
export const DIGEST_BYTES = 32

/** Hashes one content, piece by piece. */
export interface Hasher {
  update(bytes: Uint8Array): void
  /** The digest of all that came so far. */
  digest(): Buffer
}

export function createHasher(): Hasher {
  const blake3 = new Blake3Hasher()
  return { update: (bytes) => void blake3.update(bytes), digest: () => finished(blake3) }
}

/** A digest of its own, as what the library hands out is memory that waits for the garbage collector. */
function finished(blake3: Blake3Hasher): Buffer {
  const digest = Buffer.allocUnsafe(DIGEST_BYTES)
  digest.write(blake3.digest('hex'), 'hex')
  return digest
}

/** Used again and again: to make one for each of many small contents takes longer than to hash them. */
const ofWhole = new Blake3Hasher()

/** The digest of a content that is there as a whole. */
export function digestOf(bytes: Uint8Array): Buffer {
  ofWhole.reset()
  ofWhole.update(bytes)
  return finished(ofWhole)
}

export function isDigest(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length === DIGEST_BYTES
}

/** Whether these bytes are the content that the digest tells of. */
export function isContentOf(digest: Uint8Array, bytes: Uint8Array): boolean {
  return digestOf(bytes).equals(digest)
}

export function digestText(digest: Uint8Array): string {
  return Buffer.from(digest.buffer, digest.byteOffset, digest.length).toString('hex')
}

/** Enough of a digest as text for people to tell it from another. */
export function digestBeginning(text: string): string {
  return text.slice(0, 12)
}
