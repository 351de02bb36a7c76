import type { BigIntStats } from 'node:fs'

/** What lstat(2) says of one regular file. */
export interface FileFacts {
  /** Relative to the source, with "/". */
  path: string
  /** Bytes. */
  size: number
  /** Last change of the content, nanoseconds since 1970. */
  mtimeNs: bigint
  inode: bigint
  device: bigint
  /** Permission and type bits as in st_mode. */
  mode: number
}

/** The part of a file's facts that says whether its content is still the same. */
export type Content = Pick<FileFacts, 'size' | 'mtimeNs' | 'inode'>

export function factsOf(path: string, stats: BigIntStats): FileFacts {
  return {
    path,
    size: Number(stats.size),
    mtimeNs: stats.mtimeNs,
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
