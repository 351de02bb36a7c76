import { constants } from 'node:fs'
import { hasWriter } from '../../files/libc.ts'
import { isGone } from '../../files/system-error.ts'
import type { FileFacts } from '../tree/facts.ts'
import type { DirectoryFiles, FileStatus } from './directory-files.ts'

/** A file as a look found it. */
export interface Looked {
  facts: FileFacts
  /** Last change of its status, nanoseconds since 1970: a rename or a further name changes it as well. */
  ctimeNs: bigint
}

/**
 * What a look at one path found. `unproven`: whether a writer holds it cannot be asked here. `new`: an empty
 * file of this instant, to be looked at again in `NEW_FOR_MS`. `known`: the caller needs no look at it.
 */
export type Examined =
  | ({ state: 'finished' | 'unproven' } & Looked)
  | { state: 'busy' | 'new' | 'known' | 'gone' | 'not-a-file' }
  | { state: 'error'; code: string }

/**
 * open(2) with O_CREAT enters the name in the directory an instant before it counts as a writer: an empty file
 * that has not been closed by anybody may be in that instant for as long as its process is not scheduled.
 */
export const NEW_FOR_MS = 100

export interface Look {
  /** The kernel has told that a writer closed it, so it is past its creation, and will tell of the next close. */
  wasClosed?: boolean
  /** Whether the caller needs no look at it as it is. */
  isKnown?(looked: Looked): boolean
}

/**
 * Looks whether the file `path` of a source is there and whether a writer holds it open. Synchronous: for the
 * watcher's thread.
 */
export function examineFile(files: DirectoryFiles, root: string, path: string, look: Look = {}): Examined {
  const [directory, name] = placeOf(path)
  // Before open: opening a device can have effects of its own.
  const before = files.status(root, directory, name)
  if (typeof before === 'string') return failed(before)
  if (!isRegular(before)) return { state: 'not-a-file' }
  const looked = lookedAt(path, before)
  if (look.isKnown?.(looked)) return { state: 'known' }
  const fd = files.open(root, directory, name)
  if (typeof fd === 'string') return failed(fd)
  try {
    const writer = hasWriter(fd, { isClosedNext: true })
    if (writer === 'yes') return { state: 'busy' }
    const state = writer === 'no' ? 'finished' : 'unproven'
    // Who has closed it since the first look is told of by another event, which brings another look.
    if (look.wasClosed) return { state, ...looked }
    const now = files.statusOf(fd)
    if (typeof now === 'string') return failed(now)
    if (now.size === 0 && isNew(now.ctimeNs)) return { state: 'new' }
    return { state, ...lookedAt(path, now) }
  } finally {
    files.close(fd)
  }
}

/** Whether a file has more names than one; false if it cannot be looked at. */
export function hasOtherNames(files: DirectoryFiles, root: string, path: string): boolean {
  const status = files.status(root, ...placeOf(path))
  return typeof status !== 'string' && status.links > 1
}

/** The directory that a file is in, relative to the source, and its name there. */
function placeOf(path: string): [directory: string, name: string] {
  const slash = path.lastIndexOf('/')
  return [path.slice(0, Math.max(0, slash)), path.slice(slash + 1)]
}

function failed(code: string): Examined {
  if (isGone(code)) return { state: 'gone' }
  return code === 'ELOOP' ? { state: 'not-a-file' } : { state: 'error', code }
}

const isRegular = ({ mode }: FileStatus) => (mode & constants.S_IFMT) === constants.S_IFREG

function lookedAt(path: string, { size, mtimeNs, inode, device, mode, ctimeNs }: FileStatus): Looked {
  return { facts: { path, size, mtimeNs, ctimeNs, inode, device, mode }, ctimeNs }
}

function isNew(ctimeNs: bigint): boolean {
  const age = Date.now() - Number(ctimeNs / 1_000_000n)
  return age >= 0 && age < NEW_FOR_MS
}
