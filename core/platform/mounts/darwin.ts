import type { Stats } from 'node:fs'
import { createRequire } from 'node:module'
import type { Mount } from './mountinfo.ts'

/** getfsstat(2): answers from the kernel's memory, without querying the file systems. */
const MNT_NOWAIT = 2
/** Room for mounts that are added between counting and reading. */
const ROOM = 16

type GetFsStat = (buffer: Buffer | null, bytes: number, mode: number) => number

let getfsstat: GetFsStat | null = null

/** Loaded on the first call, because other systems do not need it. */
function load(): GetFsStat {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
  const library = koffi.load('/usr/lib/libSystem.B.dylib')
  // On Intel, the plain name still refers to the version with 32-bit inodes.
  const name = process.arch === 'x64' ? 'getfsstat$INODE64' : 'getfsstat'
  return library.func(name, 'int', ['void *', 'int', 'int'])
}

/** Lists the mounts of macOS. @throws if the system refuses. */
export function darwinMounts(): Mount[] {
  getfsstat ??= load()
  const count = getfsstat(null, 0, MNT_NOWAIT)
  const buffer = Buffer.alloc((Math.max(0, count) + ROOM) * STATFS_BYTES)
  const found = getfsstat(buffer, buffer.length, MNT_NOWAIT)
  if (count < 0 || found < 0) throw new Error('getfsstat failed')
  return parseStatfsList(buffer.subarray(0, found * STATFS_BYTES))
}

/** Returns the id that `darwinMounts` assigns to the mount of a file. */
export function darwinMountId({ dev }: Pick<Stats, 'dev'>): number {
  return dev >>> 0
}

/** Size of a `struct statfs` with 64-bit inodes in bytes, <sys/mount.h> of macOS. */
export const STATFS_BYTES = 2_168

/** Offsets of its members. */
const FSID = 48
const FLAGS = 64
const TYPE = { at: 72, bytes: 16 }
const POINT = { at: 88, bytes: 1_024 }
const SOURCE = { at: 1_112, bytes: 1_024 }

/** <sys/mount.h> */
const MNT_RDONLY = 0x1

/**
 * The volume with all writable files of the system's disk. It is named here because firmlinks show it as a part of /:
 * when a disk is gone, the directory that remains at its mount point is on this volume.
 */
const DATA_VOLUME = '/System/Volumes/Data'

/**
 * Parses the result of getfsstat(2). A mount's id is the first half of its file system's id, which stat(2) returns as
 * the device of every file in it.
 */
export function parseStatfsList(bytes: Buffer): Mount[] {
  const mounts: Mount[] = []
  for (let start = 0; start + STATFS_BYTES <= bytes.length; start += STATFS_BYTES) {
    mounts.push(parseStatfs(bytes.subarray(start, start + STATFS_BYTES)))
  }
  return mounts
}

function parseStatfs(statfs: Buffer): Mount {
  const flags = statfs.readUInt32LE(FLAGS)
  const id = statfs.readUInt32LE(FSID)
  const access = (flags & MNT_RDONLY) === 0 ? 'rw' : 'ro'
  const text = ({ at, bytes }: typeof TYPE) => textIn(statfs.subarray(at, at + bytes))
  const point = text(POINT)
  return {
    id,
    device: `${id}:${statfs.readUInt32LE(FSID + 4)}`,
    point: point === DATA_VOLUME ? '/' : point,
    options: [access],
    type: text(TYPE),
    source: text(SOURCE),
    superOptions: [access],
  }
}

function textIn(field: Buffer): string {
  const end = field.indexOf(0)
  return field.toString('utf8', 0, end === -1 ? field.length : end)
}
