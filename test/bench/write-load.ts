import { execFileSync } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { mkdirSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'

/** One load: how many files of how many bytes. */
export interface Load {
  name: string
  files: number
  bytes: number
  /** How often it is measured; the median of each program counts. */
  runs: number
  /** Parts of the time that rsync takes, without and with --fsync; left out: it is only told. */
  aims?: { rsync: number; synced: number }
}

/** What was written before is the disk's: nobody waits for it in the middle of another's run. */
export const settle = () => execFileSync('sync')

/** Smaller files keep their content: they take little space. */
const FREED_FROM_BYTES = 64 * 1024

/**
 * Frees the space of a run's files without removing them. ext4 creates files several times slower for a minute after
 * many were removed: it passes over their inodes (recently_deleted, fs/ext4/ialloc.c).
 */
export function freeSpace(directory: string): void {
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name)
    if (entry.isFile() && statSync(file).size >= FREED_FROM_BYTES) truncateSync(file)
  }
}

export function writeLoad({ files, bytes }: Load, directory: string): void {
  mkdirSync(directory, { recursive: true })
  const content = Buffer.alloc(bytes)
  for (let index = 0; index < files; index += 1) {
    const folder = path.join(directory, `d${Math.floor(index / 1000)}`)
    if (index % 1000 === 0) mkdirSync(folder, { recursive: true })
    // Random bytes: no program gains by compression, or by finding the same content again.
    writeFileSync(path.join(folder, `file${index}`), randomFillSync(content))
  }
  settle()
}
