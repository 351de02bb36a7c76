import { lstat, readdir } from 'node:fs/promises'
import type { LeftOut, NameFilter } from '../filter/names.ts'
import { holdDirectory } from '../platform/openat2.ts'
import { errorCode, isGone } from '../platform/system-error.ts'
import { callOn } from './calls.ts'
import type { MountSkip } from './regions.ts'
import { factsOf, joinRelative, type ScannedFile } from './scanned-file.ts'

/** Something below a source that cannot be sent, and why. */
export type Unsendable =
  | { why: 'name'; path: string }
  | { why: 'directory' | 'file'; path: string; code: string }

/** Something that is left out on purpose; only asked for by a person who wants to know why. */
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
  /** Where in the source to begin; '' is the source itself. */
  base: string
  filter: NameFilter
  /** false: the directory itself alone. */
  recursive: boolean
  signal: AbortSignal
  /** Directories that are not entered, as they belong to another region of the source. */
  leaveOut?: readonly string[]
  /** The directory whose disk is asked, which bounds the calls that are out on it; the source if not given. */
  place?: string
}

const CHUNK = 256
/** Entries of one directory that are looked at together. */
const AT_ONCE = 8

/**
 * Lists a tree in pieces, directory by directory: memory grows with the names in one directory alone. Symbolic
 * links are not followed. A directory that vanishes meanwhile is no problem of anybody's, unless it is the one
 * that the walk begins at: then the system's error is thrown.
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
    // Names alone: for an entry whose type the file system does not tell Node.js asks with a call that blocks this
    // thread, and one that has vanished ends the listing.
    const names = await readdir(held.path)
    for (let from = 0; from < names.length && !options.signal.aborted; from += CHUNK)
      yield await look(options, directory, held.path, names.slice(from, from + CHUNK), pending)
  } catch (error) {
    const code = errorCode(error)
    if (code === null || (isGone(code) && directory === options.base)) throw error
    // A link that has taken a directory's place is none that is entered.
    if (!isGone(code) && code !== 'ELOOP')
      yield { files: [], unsendable: [{ why: 'directory', path: directory, code }], skipped: [] }
  } finally {
    await held?.close()
  }
}

/** @param held a path to the directory that no link can change. */
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
    // Not even looked at: it may be a disk that hangs.
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
  /** Where it is now, below the directory that is held. */
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
    else if (stats.isFile()) chunk.files.push(factsOf(path, stats))
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

/** Node puts U+FFFD where a name is not valid UTF-8; such a path then names nothing. */
export function hasReplacement(name: string): boolean {
  return name.includes('\uFFFD')
}
