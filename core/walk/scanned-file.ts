import type { BigIntStats } from 'node:fs'
import { type FileStat, toFileStat } from '../platform/file-metadata.ts'

/** Metadata of a regular file from lstat(2). */
export interface ScannedFile extends FileStat {
  /** Relative to the source, with "/". */
  path: string
  /** Permission and type bits as in st_mode. */
  mode: number
  /** Birth time, nanoseconds since 1970; null or missing: the file system has none. */
  bornAtNs?: bigint | null
}

export function toScannedFile(path: string, stats: BigIntStats): ScannedFile {
  return { path, ...toFileStat(stats), mode: Number(stats.mode), bornAtNs: bornAt(stats) }
}

/** Returns a birth time, nanoseconds since 1970; null where the file system has none. */
export function bornAt({ birthtimeNs }: { birthtimeNs: bigint }): bigint | null {
  return birthtimeNs > 0n ? birthtimeNs : null
}

/** Joins two relative paths, either of which may be empty. */
export function joinRelative(directory: string, name: string): string {
  if (directory === '') return name
  return name === '' ? directory : `${directory}/${name}`
}

/** Splits a relative path into its directory, which may be empty, and its name there. */
export function splitPath(path: string): [directory: string, name: string] {
  const slash = path.lastIndexOf('/')
  return [path.slice(0, Math.max(0, slash)), path.slice(slash + 1)]
}

/** Returns the absolute path of something below a source, for a system call. */
export function absolutePath(root: string, relative: string): string {
  if (relative === '') return root
  return root === '/' ? `/${relative}` : `${root}/${relative}`
}

/** The reverse: returns the path, relative to the source, of something below it. */
export function relativeTo(root: string, absolute: string): string {
  return absolute.slice(root === '/' ? 1 : root.length + 1)
}
