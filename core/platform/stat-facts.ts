import type { BigIntStats } from 'node:fs'

/** What stat(2) says that tells whether a file is still the same one: for scanner, ledger and sender alike. */
export interface StatFacts {
  /** Bytes. */
  size: number
  /** Last change of the content, nanoseconds since 1970. */
  mtimeNs: bigint
  /** Last change of the inode (st_ctime), which no program can set: content, mode, owner or name. */
  ctimeNs: bigint
  inode: bigint
  device: bigint
}

/** What tells a file's content from another without reading it. */
export type ContentIdentity = Pick<StatFacts, 'size' | 'mtimeNs' | 'inode'>

/** A time in 64 bits, as the ledger keeps it: beyond the year 2262 it only tells one content from another. */
export const inWord = (time: bigint): bigint => BigInt.asIntN(64, time)

export function statFactsOf(stats: BigIntStats): StatFacts {
  const { mtimeNs, ctimeNs, ino: inode, dev: device } = stats
  return { size: Number(stats.size), mtimeNs: inWord(mtimeNs), ctimeNs: inWord(ctimeNs), inode, device }
}

/**
 * Whether size, time of modification and inode are the same: so it is most probably the same content. The device is
 * not compared: its number may change when a disk is mounted again.
 */
export function sameContent(a: ContentIdentity, b: ContentIdentity): boolean {
  return a.size === b.size && a.inode === b.inode && a.mtimeNs === b.mtimeNs
}

/** Whether nothing at all has changed since: not even a content whose time was put back. */
export function sameFile(a: StatFacts, b: StatFacts): boolean {
  return sameContent(a, b) && a.ctimeNs === b.ctimeNs
}
