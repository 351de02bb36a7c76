import type { DigestKind } from '../files/digest.ts'

/** Of st_mode (inode(7)): what the owner may do. */
const OWNER_READS = 0o400

/**
 * The permission bits that a file has in the store. A receiver that is not root has to read its own files, to verify
 * and to restore them; what the sender's file may was written down (manifest).
 */
export const storedMode = (mode: number): number => (mode & 0o777) | OWNER_READS

/** What a sender says about a file. */
export interface FileFacts {
  /** The sender's folder in the store. */
  folder: string
  /** The source's name and the path below it, both as the sender gave them: not trusted. */
  source: string
  path: string
  size: number
  /** Milliseconds since 1970. */
  mtimeMs: number
  /** Permission bits. */
  mode: number
  /** When it came, as a number of its own (arrivals.ts); left out: no other connection can bring the same file. */
  arrival?: number | undefined
  /** How the digest at the end of a large file is made; left out: SHA-256. */
  hash?: DigestKind | undefined
}
