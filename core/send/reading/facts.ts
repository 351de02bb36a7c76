import type { BigIntStats } from 'node:fs'

/** What tells whether a file is still the one that was offered. */
export interface Facts {
  size: number
  mtimeNs: bigint
  inode: bigint
  device: bigint
}

export function factsOf(stats: BigIntStats): Facts {
  return { size: Number(stats.size), mtimeNs: stats.mtimeNs, inode: stats.ino, device: stats.dev }
}

/**
 * Whether size, time of modification and inode are the same. The device is not compared: its number may
 * change when a disk is mounted again. Times are compared as the ledger keeps them, in 64 bits.
 */
export function sameFile(a: Facts, b: Facts): boolean {
  return (
    a.size === b.size && a.inode === b.inode && BigInt.asIntN(64, a.mtimeNs) === BigInt.asIntN(64, b.mtimeNs)
  )
}
