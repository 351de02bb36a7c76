import type { BigIntStats } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import path from 'node:path'
import type { NameFilter } from '../../filter/exclusion-rules.ts'
import { type Mount, readMounts } from '../../platform/mounts.ts'
import { errorCode, isGone } from '../../platform/system-error.ts'
import { hasOwnClosedMark, type Source } from '../../settings/schema.ts'
import { callInTime } from '../../walk/call-in-time.ts'
import { bornAt } from '../../walk/scanned-file.ts'
import {
  callOn,
  findDiskRoot,
  hasReplacement,
  layOut,
  type Skipped,
  type Unsendable,
} from '../../walk/walk.ts'
import type { BatchMetadata } from './rules.ts'

/** Directories that are read at the same time. */
const AT_ONCE = 32

/** Time limit for a batch directory that is a separate disk; after it the look continues without this directory. */
const PATIENCE_MS = 5_000

/** Result of a look at a source's batch directories. */
interface BatchLook {
  batches: BatchMetadata[]
  /** Directories that cannot be sent: the name is not valid UTF-8, or the directory cannot be read. */
  unsendable: Unsendable[]
  /** Directories on other file systems, if the source is limited to one. */
  skipped: Skipped[]
}

/** Reads all batch directories below a root. Throws the system's error if the root cannot be listed. */
export async function readBatches(
  root: string,
  source: Pick<Source, 'batch' | 'oneFileSystem'>,
  filter: NameFilter,
): Promise<BatchLook> {
  const names = await childNames(root, source.batch.prefix, filter)
  const mounts = readMounts()
  const scope = { oneFileSystem: source.oneFileSystem, away: () => [] }
  const isIgnored = (path: string) => filter.directory(path) !== null
  const { skipped } = layOut({ root, base: '', scope, isIgnored, mounts })
  const look: BatchLook = {
    batches: [],
    unsendable: [],
    skipped: skipped.filter(({ path }) => names.includes(path)),
  }
  const wanted = names.filter((name) => !skipped.some(({ path }) => path === name))
  for (let from = 0; from < wanted.length; from += AT_ONCE) {
    const some = wanted.slice(from, from + AT_ONCE)
    await Promise.all(some.map((name) => readBatch(look, { root, name, settings: source.batch, mounts })))
  }
  return look
}

/**
 * Names in a root, of any file type (see walkDirectory), that begin with `prefix` and that no filter for
 * directories excludes.
 */
async function childNames(root: string, prefix: string, filter: NameFilter): Promise<string[]> {
  const names = await readdir(root)
  return names.filter((name) => name.startsWith(prefix) && filter.directory(name) === null)
}

/** A child directory of the root, and the present mounts. */
interface Child {
  root: string
  name: string
  settings: Source['batch']
  mounts: readonly Mount[] | null
}

/** Reads one directory. Its errors are recorded in `look`, and delay no other directory. */
async function readBatch(look: BatchLook, { root, name, settings, mounts }: Child): Promise<void> {
  const place = findDiskRoot(root, name, mounts)
  const call = () => callOn(place, () => readMetadata(root, name, settings))
  try {
    const found = await (place === root ? call() : callInTime(place, PATIENCE_MS, call))
    if (found !== null) look.batches.push(found)
  } catch (error) {
    const code = errorCode(error)
    if (code === null) throw error
    if (!isGone(code)) look.unsendable.push({ why: 'directory', path: name, code })
    // If a name is not valid UTF-8, Node's text of it names no file; but U+FFFD may also be part of a valid name.
    else if (hasReplacement(name)) look.unsendable.push({ why: 'name', path: name })
  }
}

/** Returns null if it is no directory. Throws the system's error. */
async function readMetadata(
  root: string,
  name: string,
  settings: Source['batch'],
): Promise<BatchMetadata | null> {
  const directory = path.join(root, name)
  // A symbolic link may lead to another disk: it is not followed.
  if (!(await lstat(directory)).isDirectory()) return null
  // The marks are read first: a mark made meanwhile is then never newer than the directory's time.
  const closedAtNs = await readMarkTime(path.join(directory, settings.closedMark))
  const sent = await readMark(path.join(directory, settings.sentMark))
  const stats = await lstat(directory, { bigint: true })
  if (!stats.isDirectory()) return null
  const bornAtNs = bornAt(stats)
  return {
    name,
    inode: stats.ino,
    mtimeNs: stats.mtimeNs,
    bornAtNs,
    closedAtNs,
    sentAtNs: sent?.mtimeNs ?? null,
    foreignSinceNs: sent === null || hasOwnClosedMark(settings) || isFromHoldfast(sent) ? null : sent.ctimeNs,
  }
}

/**
 * True if a sent mark is Holdfast's: createMark gives it the earlier time of its directory, while a program that only
 * creates the file, as isocket does, leaves it the time of its creation. A mark that was copied looks like Holdfast's,
 * too: then it proves less, and its directory is compared.
 */
const isFromHoldfast = (mark: BigIntStats): boolean =>
  mark.mtimeNs < mark.ctimeNs || mark.mtimeNs < (bornAt(mark) ?? 0n)

/** Returns when a mark was made, in nanoseconds since 1970, or null if it does not exist. */
export const readMarkTime = async (mark: string): Promise<bigint | null> =>
  (await readMark(mark))?.mtimeNs ?? null

async function readMark(mark: string): Promise<BigIntStats | null> {
  try {
    return await lstat(mark, { bigint: true })
  } catch (error) {
    if (isGone(errorCode(error))) return null
    throw error
  }
}
