import type { BigIntStats } from 'node:fs'

/** Maximum number of bytes (as in ext4) of a file's extended attributes, names and values, and of attributes kept. */
export const MAX_ATTRIBUTE_BYTES = 4096
export const MAX_ATTRIBUTES = 128

/**
 * Maximum size of a file to send, 4 PiB: an exact integer as a double, and exceeded only by files that are nearly all
 * holes.
 */
export const MAX_FILE_BYTES = 2 ** 52

/** Metadata that few files have. Omitted if there is none. */
export interface RareMetadata {
  /** Extended attributes (xattr(7)) of the user namespace, and ACLs (acl(5)). */
  attributes?: Record<string, Uint8Array>
  /** True if it has holes: runs of zeros without disk blocks. */
  sparse?: true
}

/** The metadata of a file that is kept with its content and name. */
export interface FileMetadata {
  size: number
  /** Time of modification in nanoseconds since 1970. */
  mtimeNs: bigint
  /** Permission bits with set-user-ID, set-group-ID and sticky: 12 bits. */
  mode: number
  user: number
  group: number
  more: RareMetadata | null
}

const MODE_BITS = 0o7777n
/** Unit of st_blocks (stat(2)). */
const BLOCK_BYTES = 512n

/**
 * Returns a file's metadata from stat(2).
 * @param attributes those of the open file, if it has any.
 */
export function toFileMetadata(
  stats: BigIntStats,
  attributes: RareMetadata['attributes'] | null,
): FileMetadata {
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
