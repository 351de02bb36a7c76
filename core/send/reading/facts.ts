import type { BigIntStats } from 'node:fs'

/** What tells whether a file is still the one that was offered. */
export interface Facts {
  size: number
  mtimeNs: bigint
  /** Last change of the inode: content, mode, owner or name. */
  ctimeNs: bigint
  inode: bigint
  device: bigint
}

/** Times are kept in 64 bits, as the ledger does: beyond the year 2262 they only tell one content from another. */
const inWord = (time: bigint): bigint => BigInt.asIntN(64, time)

export function factsOf(stats: BigIntStats): Facts {
  const { mtimeNs, ctimeNs, ino: inode, dev: device } = stats
  return { size: Number(stats.size), mtimeNs: inWord(mtimeNs), ctimeNs: inWord(ctimeNs), inode, device }
}

/**
 * Whether size, time of modification and inode are the same: so it is most probably the same content. The device is
 * not compared: its number may change when a disk is mounted again.
 */
export function sameContent(a: Facts, b: Facts): boolean {
  return a.size === b.size && a.inode === b.inode && a.mtimeNs === b.mtimeNs
}

/** Whether nothing at all has changed since: not even a content whose time was put back. */
export function sameFile(a: Facts, b: Facts): boolean {
  return sameContent(a, b) && a.ctimeNs === b.ctimeNs
}
