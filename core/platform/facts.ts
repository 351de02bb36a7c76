import type { BigIntStats } from 'node:fs'

/** Bytes of names and values of a file's extended attributes that are kept (as many as ext4 has), and their number. */
export const MAX_ATTRIBUTE_BYTES = 4096
export const MAX_ATTRIBUTES = 128

/** The largest file that can be sent, 4 PiB: well inside the exact integers of a double: only a file that is nearly all holes is larger. */
export const MAX_FILE_BYTES = 2 ** 52

/** What few files have. Left out: it has none. */
export interface MoreFacts {
  /** Extended attributes (xattr(7)) of the user's, and ACLs (acl(5)). */
  attributes?: Record<string, Uint8Array>
  /** It has holes: runs of zeros that take no room on the disk. */
  sparse?: true
}

/** What is kept of a file besides its content and its name. */
export interface FileFacts {
  size: number
  /** Time of modification in nanoseconds since 1970. */
  mtimeNs: bigint
  /** Permission bits with set-user-ID, set-group-ID and sticky: 12 bits. */
  mode: number
  user: number
  group: number
  more: MoreFacts | null
}

const MODE_BITS = 0o7777n
/** Of st_blocks (stat(2)). */
const BLOCK_BYTES = 512n

/**
 * The facts that stat(2) tells.
 * @param attributes those of the open file, if it has any.
 */
export function fileFactsOf(stats: BigIntStats, attributes: MoreFacts['attributes'] | null): FileFacts {
  const isSparse = stats.isFile() && stats.blocks * BLOCK_BYTES < stats.size
  const more = {
    ...(attributes == null ? {} : { attributes }),
    ...(isSparse ? { sparse: true as const } : {}),
  }
  return {
    size: Number(stats.size),
    mtimeNs: stats.mtimeNs,
    mode: Number(stats.mode & MODE_BITS),
    user: Number(stats.uid),
    group: Number(stats.gid),
    more: attributes == null && !isSparse ? null : more,
  }
}
