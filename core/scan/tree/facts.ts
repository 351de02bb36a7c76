import type { BigIntStats } from 'node:fs'

/** What lstat(2) says of one regular file. */
export interface FileFacts {
  /** Relative to the source, with "/". */
  path: string
  /** Bytes. */
  size: number
  /** Last change of the content, nanoseconds since 1970. */
  mtimeNs: bigint
  /** Last change of the inode: content, mode, owner or name. */
  ctimeNs: bigint
  inode: bigint
  device: bigint
  /** Permission and type bits as in st_mode. */
  mode: number
}

/** The part of a file's facts that says whether its content is still the same. */
export type Content = Pick<FileFacts, 'size' | 'mtimeNs' | 'inode'>

/** A time in 64 bits, as the ledger keeps it: beyond the year 2262 it only tells one content from another. */
export const inWord = (time: bigint): bigint => BigInt.asIntN(64, time)

export function factsOf(path: string, stats: BigIntStats): FileFacts {
  return {
    path,
    size: Number(stats.size),
    mtimeNs: inWord(stats.mtimeNs),
    ctimeNs: inWord(stats.ctimeNs),
    inode: stats.ino,
    device: stats.dev,
    mode: Number(stats.mode),
  }
}

export function sameContent(one: Content, other: Content): boolean {
  return one.size === other.size && one.mtimeNs === other.mtimeNs && one.inode === other.inode
}

/** Joins two relative paths, either of which may be empty. */
export function joinRelative(directory: string, name: string): string {
  if (directory === '') return name
  return name === '' ? directory : `${directory}/${name}`
}

/** The absolute path of something below a source, for a system call. */
export function absolutePath(root: string, relative: string): string {
  if (relative === '') return root
  return root === '/' ? `/${relative}` : `${root}/${relative}`
}
