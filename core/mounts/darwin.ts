import type { Stats } from 'node:fs'
import { createRequire } from 'node:module'
import { mountinfoOfStatfs, STATFS_BYTES } from './darwin-statfs.ts'

/** getfsstat(2): answers from the kernel's memory and asks no file system. */
const MNT_NOWAIT = 2
/** Mounts that may come between counting and reading. */
const ROOM = 16

type GetFsStat = (buffer: Buffer | null, bytes: number, mode: number) => number

let getfsstat: GetFsStat | null = null

/** Loaded on the first call: other systems need neither it nor its memory. */
function load(): GetFsStat {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
  const library = koffi.load('/usr/lib/libSystem.B.dylib')
  // On Intel the plain name still has 32-bit inodes.
  const name = process.arch === 'x64' ? 'getfsstat$INODE64' : 'getfsstat'
  return library.func(name, 'int', ['void *', 'int', 'int'])
}

/** The mounts of macOS as lines of mountinfo(5). @throws where the system refuses. */
export function darwinMounts(): string {
  getfsstat ??= load()
  const count = getfsstat(null, 0, MNT_NOWAIT)
  const buffer = Buffer.alloc((Math.max(0, count) + ROOM) * STATFS_BYTES)
  const found = getfsstat(buffer, buffer.length, MNT_NOWAIT)
  if (count < 0 || found < 0) throw new Error('getfsstat failed')
  return mountinfoOfStatfs(buffer.subarray(0, found * STATFS_BYTES))
}

/** The id that `darwinMounts` gives the mount of a file. */
export function darwinMountId({ dev }: Pick<Stats, 'dev'>): number {
  return dev >>> 0
}
