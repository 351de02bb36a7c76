import { lstat, readdir } from 'node:fs/promises'
import type { LeftOut, NameFilter } from '../filter/names.ts'
import { holdDirectory } from '../platform/openat2.ts'
import { errorCode, isGone } from '../platform/system-error.ts'
import { callOn } from './calls.ts'
import type { MountSkip } from './regions.ts'
import { joinRelative, type ScannedFile, toScannedFile } from './scanned-file.ts'

/** Something below a source that cannot be sent, with the reason. */
export type Unsendable =
  | { why: 'name'; path: string }
  | { why: 'directory' | 'file'; path: string; code: string }

/** Something that is skipped on purpose; shown only to a person who wants to know the reason. */
export type Skipped =
  | { why: LeftOut; path: string }
  | { why: 'not-a-file'; path: string; type: 'symlink' | 'fifo' | 'socket' | 'device' }
  | { why: MountSkip; path: string }

/** A bounded piece of a walk: at most CHUNK entries of one directory. */
export interface WalkChunk {
  files: ScannedFile[]
  unsendable: Unsendable[]
  skipped: Skipped[]
}

export interface WalkOptions {
  /** Absolute path of the source, with symbolic links resolved. */
  root: string
  /** The directory of the source at which the walk begins; '' is the source itself. */
  base: string
  filter: NameFilter
  /** false: lists the directory itself only. */
  recursive: boolean
  signal: AbortSignal
  /** Directories that are not entered, since they belong to another region of the source. */
  leaveOut?: readonly string[]
  /** The directory whose disk the calls are counted for (callOn); missing: the source. */
  place?: string
}

const CHUNK = 256
/** Entries of one directory that are examined at the same time. */
const AT_ONCE = 8

/**
 * Lists a tree in pieces, directory by directory: memory grows only with the names in one directory. Symbolic links
 * are not followed. A directory that vanishes meanwhile is skipped, except the one at which the walk begins: then the
 * system's error is thrown.
 */
export async function* walk(options: WalkOptions): AsyncGenerator<WalkChunk> {
  const pending = [options.base]
  for (;;) {
    const directory = pending.pop()
    if (directory === undefined || options.signal.aborted) return
    yield* walkDirectory(options, directory, pending)
  }
}

async function* walkDirectory(
  options: WalkOptions,
  directory: string,
  pending: string[],
): AsyncGenerator<WalkChunk> {
  let held: { path: string; close(): Promise<void> } | null = null
  try {
    held = await holdDirectory(options.root, directory)
    // Read only the names: for an entry whose type the file system does not give, Node.js would make a call that
    // blocks this thread, and an entry that has vanished would end the listing.
    const names = await readdir(held.path)
    for (let from = 0; from < names.length && !options.signal.aborted; from += CHUNK)
      yield await look(options, directory, held.path, names.slice(from, from + CHUNK), pending)
  } catch (error) {
    const code = errorCode(error)
    if (code === null || (isGone(code) && directory === options.base)) throw error
    // A symbolic link that has replaced a directory is not entered.
    if (!isGone(code) && code !== 'ELOOP')
      yield { files: [], unsendable: [{ why: 'directory', path: directory, code }], skipped: [] }
  } finally {
    await held?.close()
  }
}

/** @param held a path to the directory that is immune to symbolic links. */
async function look(
  options: WalkOptions,
  directory: string,
  held: string,
  names: readonly string[],
  pending: string[],
): Promise<WalkChunk> {
  const { root, place = root, leaveOut } = options
  const chunk: WalkChunk = { files: [], unsendable: [], skipped: [] }
  const unknown = names
    .map((name) => ({ path: joinRelative(directory, name), at: `${held}/${name}` }))
    // Exclude these before any call: they may be disks that hang.
    .filter(({ path }) => !leaveOut?.includes(path))
  const lookAtSome = async () => {
    for (let one = unknown.pop(); one !== undefined; one = unknown.pop())
      await lookAt(options, one, chunk, pending)
  }
  const lanes = Math.min(AT_ONCE, unknown.length)
  await Promise.all(Array.from({ length: lanes }, () => callOn(place, lookAtSome)))
  chunk.files.sort((one, other) => (one.path < other.path ? -1 : 1))
  return chunk
}

interface Entry {
  path: string
  /** Its present path, below the directory that is held open. */
  at: string
}

function enter({ filter, recursive }: WalkOptions, path: string, chunk: WalkChunk, to: string[]) {
  const leftOut = filter.directory(path)
  if (leftOut !== null) chunk.skipped.push({ why: leftOut, path })
  else if (recursive) to.push(path)
}

async function lookAt(
  options: WalkOptions,
  { path, at }: Entry,
  chunk: WalkChunk,
  pending: string[],
): Promise<void> {
  try {
    const stats = await lstat(at, { bigint: true })
    if (stats.isDirectory()) return enter(options, path, chunk, pending)
    const leftOut = options.filter.file(path)
    if (leftOut !== null) chunk.skipped.push({ why: leftOut, path })
    else if (stats.isFile()) chunk.files.push(toScannedFile(path, stats))
    else chunk.skipped.push({ why: 'not-a-file', path, type: specialType(stats) })
  } catch (error) {
    const code = errorCode(error)
    if (code === null) throw error
    if (isGone(code)) {
      if (hasReplacement(path)) chunk.unsendable.push({ why: 'name', path })
    } else chunk.unsendable.push({ why: 'file', path, code })
  }
}

function specialType(stats: {
  isSymbolicLink(): boolean
  isFIFO(): boolean
  isSocket(): boolean
}): 'symlink' | 'fifo' | 'socket' | 'device' {
  if (stats.isSymbolicLink()) return 'symlink'
  if (stats.isFIFO()) return 'fifo'
  return stats.isSocket() ? 'socket' : 'device'
}

/** True if a name has U+FFFD, which Node.js puts where a name is not valid UTF-8; such a path then names no file. */
export function hasReplacement(name: string): boolean {
  return name.includes('\uFFFD')
}
