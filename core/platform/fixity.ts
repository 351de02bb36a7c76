import { createHash, type Hash } from 'node:crypto'
import type { FixityKind } from './fixity-kinds.ts'

// Fixity digests: SHA-256 and MD5 of contents, in which archives and their tools state what a file contained. They are
// recorded beside BLAKE3 (digest.ts) for sources that ask for them.

/** The requested digests of one content. */
export type Fixity = Readonly<Partial<Record<FixityKind, Buffer>>>

export const FIXITY_BYTES: Readonly<Record<FixityKind, number>> = { sha256: 32, md5: 16 }

/** Hashes a content in pieces, in several ways at once. */
export interface FixityHasher {
  update(bytes: Uint8Array): void
  /** Returns the digests of all bytes so far; called once. */
  digest(): Fixity
}

export function createFixityHasher(kinds: readonly FixityKind[]): FixityHasher {
  const hashes = kinds.map((kind): [FixityKind, Hash] => [kind, createHash(kind)])
  return {
    update(bytes) {
      for (const [, hash] of hashes) hash.update(bytes)
    },
    digest: () => Object.fromEntries(hashes.map(([kind, hash]) => [kind, hash.digest()])),
  }
}

/** Returns the digests of a complete content. */
export function computeFixity(kinds: readonly FixityKind[], bytes: Uint8Array): Fixity {
  const hasher = createFixityHasher(kinds)
  hasher.update(bytes)
  return hasher.digest()
}
