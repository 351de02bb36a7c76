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

/** The fields of stat(2) that identify an unchanged file, for scanner, ledger and sender. */
export interface FileStat {
  /** Bytes. */
  size: number
  /** Modification time, nanoseconds since 1970. */
  mtimeNs: bigint
  /** Last change of the inode (st_ctime), which no program can set: content, mode, owner or name. */
  ctimeNs: bigint
  inode: bigint
  device: bigint
}

/** Identifies a file's content without reading it. */
export type ContentIdentity = Pick<FileStat, 'size' | 'mtimeNs' | 'inode'>

/** Truncates a time to 64 bits, as stored in the ledger. Beyond the year 2262 it only serves to compare contents. */
const truncateTime = (time: bigint): bigint => BigInt.asIntN(64, time)

export function toFileStat(stats: BigIntStats): FileStat {
  const { mtimeNs, ctimeNs, ino: inode, dev: device } = stats
  return {
    size: Number(stats.size),
    mtimeNs: truncateTime(mtimeNs),
    ctimeNs: truncateTime(ctimeNs),
    inode,
    device,
  }
}

/**
 * True if size, modification time and inode are equal: the content is then most probably the same. The device is not
 * compared, because its number may change when a disk is mounted again.
 */
export function sameContent(a: ContentIdentity, b: ContentIdentity): boolean {
  return a.size === b.size && a.inode === b.inode && a.mtimeNs === b.mtimeNs
}

/** True if nothing has changed, not even a content whose modification time was reset. */
export function sameFile(a: FileStat, b: FileStat): boolean {
  return sameContent(a, b) && a.ctimeNs === b.ctimeNs
}
