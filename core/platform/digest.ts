import { Blake3Hasher } from '@napi-rs/blake-hash'

/**
 * Contents are identified by their BLAKE3 digest (https://github.com/BLAKE3-team/BLAKE3-specs): 32 bytes; as text 64
 * lower-case hexadecimal digits.
 */
export const DIGEST_BYTES = 32

/** Hashes a content in pieces. */
export interface Hasher {
  update(bytes: Uint8Array): void
  /** Returns the digest of all bytes so far. */
  digest(): Buffer
}

/** Hashes more bytes. The types of the library name Buffer alone; it takes any Uint8Array. */
const update = (blake3: Blake3Hasher, bytes: Uint8Array) => void blake3.update(bytes as Buffer)

export function createHasher(): Hasher {
  const blake3 = new Blake3Hasher()
  return { update: (bytes) => update(blake3, bytes), digest: () => finished(blake3) }
}

/** Copies the digest, because the library returns memory that is freed only by the garbage collector. */
function finished(blake3: Blake3Hasher): Buffer {
  const digest = Buffer.allocUnsafe(DIGEST_BYTES)
  digest.write(blake3.digest('hex'), 'hex')
  return digest
}

/** Reused, because creating a hasher for each of many small contents takes longer than hashing them. */
const ofWhole = new Blake3Hasher()

/** Returns the digest of a complete content. */
export function computeDigest(bytes: Uint8Array): Buffer {
  ofWhole.reset()
  update(ofWhole, bytes)
  return finished(ofWhole)
}

export function isDigest(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length === DIGEST_BYTES
}

/** True if these bytes have the digest. */
export function hasDigest(digest: Uint8Array, bytes: Uint8Array): boolean {
  return computeDigest(bytes).equals(digest)
}

export function digestText(digest: Uint8Array): string {
  return Buffer.from(digest.buffer, digest.byteOffset, digest.length).toString('hex')
}

/** Returns the beginning of a digest as text, long enough for people to compare. */
export function digestBeginning(text: string): string {
  return text.slice(0, 12)
}
