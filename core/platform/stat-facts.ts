import type { BigIntStats } from 'node:fs'

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
export const truncateTime = (time: bigint): bigint => BigInt.asIntN(64, time)

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
