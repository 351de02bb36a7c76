import { createHash, hash } from 'node:crypto'
import { Blake3Hasher } from '@napi-rs/blake-hash'

/**
 * What tells one content from another. BLAKE3 (https://github.com/BLAKE3-team/BLAKE3-specs) takes down to a fifth of the
 * time of SHA-256, which is there for older Holdfasts and what they have written down.
 *
 * A digest says itself how it was made: 32 bytes are SHA-256 (FIPS 180-4); 33 bytes are the code of BLAKE3 in the table
 * of multihash (https://github.com/multiformats/multicodec) and its 32 bytes. As text they are 64 lower-case
 * hexadecimal digits, with "blake3:" before those of BLAKE3.
 */
export type DigestKind = 'sha256' | 'blake3'

/** How a content is hashed where nobody else has to understand it. */
export const BEST_DIGEST: DigestKind = 'blake3'

export const DIGEST_BYTES: Readonly<Record<DigestKind, number>> = { sha256: 32, blake3: 33 }

const BLAKE3_CODE = 0x1e
const BLAKE3_BEGIN = 'blake3:'

/** Hashes one content, piece by piece. */
export interface Hasher {
  update(bytes: Uint8Array): void
  /** To be called once, at the end. */
  digest(): Buffer
}

export function createHasher(kind: DigestKind): Hasher {
  if (kind === 'sha256') {
    const sha256 = createHash('sha256')
    return { update: (bytes) => void sha256.update(bytes), digest: () => sha256.digest() }
  }
  const blake3 = new Blake3Hasher()
  return { update: (bytes) => void blake3.update(bytes), digest: () => taggedBlake3(blake3) }
}

/** A digest of its own, as what the library hands out is memory that waits for the garbage collector. */
function taggedBlake3(blake3: Blake3Hasher): Buffer {
  const digest = Buffer.allocUnsafe(DIGEST_BYTES.blake3)
  digest[0] = BLAKE3_CODE
  digest.write(blake3.digest('hex'), 1, 'hex')
  return digest
}

/** Used again and again: to make one for each of many small contents takes longer than to hash them. */
const ofWhole = new Blake3Hasher()

/** The digest of a content that is there as a whole. */
export function digestOf(kind: DigestKind, bytes: Uint8Array): Buffer {
  if (kind === 'sha256') return hash('sha256', bytes, 'buffer')
  ofWhole.reset()
  ofWhole.update(bytes)
  return taggedBlake3(ofWhole)
}

export function isDigest(value: unknown): value is Uint8Array {
  if (!(value instanceof Uint8Array)) return false
  const { length } = value
  return length === DIGEST_BYTES.sha256 || (length === DIGEST_BYTES.blake3 && value[0] === BLAKE3_CODE)
}

/** How this digest, as bytes or as text, was made. */
export function digestKindOf(digest: Uint8Array | string): DigestKind {
  if (typeof digest === 'string') return digest.startsWith(BLAKE3_BEGIN) ? 'blake3' : 'sha256'
  return digest.length === DIGEST_BYTES.sha256 ? 'sha256' : 'blake3'
}

/** Whether these bytes are the content that the digest tells of. */
export function isContentOf(digest: Uint8Array, bytes: Uint8Array): boolean {
  return digestOf(digestKindOf(digest), bytes).equals(digest)
}

export function digestText(digest: Uint8Array): string {
  const hex = Buffer.from(digest.buffer, digest.byteOffset, digest.length).toString('hex')
  return digestKindOf(digest) === 'sha256' ? hex : BLAKE3_BEGIN + hex.slice(2)
}

/** @param text is one of `digestText`. */
export function digestBytes(text: string): Buffer {
  if (digestKindOf(text) === 'sha256') return Buffer.from(text, 'hex')
  return Buffer.from(BLAKE3_CODE.toString(16) + text.slice(BLAKE3_BEGIN.length), 'hex')
}

/** Enough of a digest as text for people to tell it from another. */
export function digestBeginning(text: string): string {
  const digits = 12
  return text.slice(0, digestKindOf(text) === 'sha256' ? digits : BLAKE3_BEGIN.length + digits)
}

/** What a digest as text looks like. */
export const DIGEST_TEXT: RegExp = new RegExp(`^(${BLAKE3_BEGIN})?[0-9a-f]{64}$`)
