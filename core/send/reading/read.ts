import { constants } from 'node:fs'
import type { FoundDirectory } from '../../backends/destination.ts'
import { deferAsync } from '../../defer.ts'
import { dropError, settled } from '../../dropped-errors.ts'
import { createHasher } from '../../platform/digest.ts'
import {
  closeFd,
  closeQuietly,
  HOLD_DIRECTORY,
  openFd,
  READ_FILE,
  readFully,
  statFd,
} from '../../platform/fd.ts'
import {
  type FileMetadata,
  type FileStat,
  sameContent,
  sameFile,
  toFileMetadata,
  toFileStat,
} from '../../platform/file-metadata.ts'
import { createFixityHasher, type Fixity } from '../../platform/fixity.ts'
import type { FixityKind } from '../../platform/fixity-kinds.ts'
import { hasWriter, readAttributes } from '../../platform/native.ts'
import { openBeneath } from '../../platform/openat2.ts'
import { chunkBuffers } from '../../protocol/frame-buffers.ts'
import { NO_FILE, type Unsent, unsentBecause } from './read-result.ts'

// No symbolic link is followed in any component below a source: otherwise a user who may replace a directory there
// could have any other file sent.

/** A file of a source. */
export interface SourceFile {
  /** Absolute path of the source. */
  root: string
  /** Relative to the source, with "/". */
  path: string
}

/** The digests of a content; `fixity`: those that were requested. */
export interface ContentDigests {
  digest: Buffer
  fixity: Fixity
}

/** A large file that is open for one sequential read. */
export type Reading = ReturnType<typeof createReading>

/**
 * Opens a large file if it is unchanged since it was offered.
 * @param fixity digests to compute beside BLAKE3.
 * @param mayGrow also opens a file that has grown since, unless a process has it open for writing.
 */
export async function openReading(
  file: SourceFile,
  offered: FileStat,
  { mayGrow = false, fixity = [] }: { mayGrow?: boolean; fixity?: readonly FixityKind[] } = {},
): Promise<Reading | Unsent> {
  let fd: number
  try {
    fd = await openFile(file)
  } catch (thrown) {
    return unsentBecause(thrown)
  }
  const refuse = async (unsent: Unsent): Promise<Unsent> => {
    await closeQuietly(fd)
    return unsent
  }
  try {
    const stats = await statFd(fd)
    if (!stats.isFile()) return await refuse(NO_FILE)
    const before = toFileStat(stats)
    const isOffered = sameFile(before, offered) || (mayGrow && hasGrown(fd, before, offered))
    if (!isOffered) return await refuse({ kind: 'changed', stat: before })
    return createReading(fd, before, toFileMetadata(stats, readAttributes(fd)), fixity)
  } catch (thrown) {
    return refuse(unsentBecause(thrown))
  }
}

/** True if this is the offered file, it has grown since, and the program that wrote it has closed it. */
const hasGrown = (fd: number, now: FileStat, offered: FileStat): boolean =>
  now.inode === offered.inode && now.size > offered.size && hasWriter(fd) === 'no'

function createReading(fd: number, stat: FileStat, facts: FileMetadata, fixity: readonly FixityKind[]) {
  let hash = createContentHasher(fixity)
  let position = 0
  let ahead: Promise<Buffer> | null = null
  const read = async (from: number, end: number, most: number): Promise<Buffer> => {
    const room = chunkBuffers.takeRoom()
    const buffer = room.subarray(0, Math.min(room.length, most, end - from))
    return buffer.subarray(0, await readFully(fd, buffer, from))
  }
  const readAhead = (from: number, end: number, most: number) => {
    ahead = from < end ? read(from, end, most) : null
    // The caller of `next` gets the error.
    if (ahead !== null) void settled(ahead)
  }
  return {
    facts,
    /** The file's stat at opening. */
    stat,
    /** Returns 'yes' if a process has the file open for writing now. */
    hasWriter: () => hasWriter(fd),
    /**
     * Returns the next bytes: at most a chunk, about `most`, and none beyond `until`; null at `until` and at the end of
     * the file. Reads the bytes after them ahead. The caller returns the memory after use (chunkBuffers).
     */
    async next(until = stat.size, most = Number.POSITIVE_INFINITY): Promise<Buffer | null> {
      const end = Math.min(until, stat.size)
      if (position >= end) return null
      const bytes = await (ahead ?? read(position, end, most))
      position += bytes.length
      if (bytes.length === 0) return null
      readAhead(position, end, most)
      hash.update(bytes)
      return bytes
    },
    /** Returns the current stat of the file. */
    now: async (): Promise<FileStat> => toFileStat(await statFd(fd)),
    /** Returns the digests if the whole file was read and is unchanged since opening; else its new facts. */
    async finish(): Promise<ContentDigests | Unsent> {
      const now = toFileStat(await statFd(fd))
      const same = position === stat.size && sameFile(now, stat)
      return same ? hash.digest() : { kind: 'changed', stat: now }
    },
    /** Goes back to the beginning; returns the digests of the bytes read, or null if not all were read. */
    rewind(): ContentDigests | null {
      const digests = position === stat.size ? hash.digest() : null
      hash = createContentHasher(fixity)
      position = 0
      return digests
    },
    async close() {
      // The descriptor's number can be reused right after it was closed.
      if (ahead !== null) await settled(ahead)
      await closeQuietly(fd)
    },
  }
}

/** Computes all digests of a content in one pass. */
function createContentHasher(kinds: readonly FixityKind[]) {
  const blake3 = createHasher()
  const others = createFixityHasher(kinds)
  return {
    update(bytes: Uint8Array) {
      blake3.update(bytes)
      others.update(bytes)
    },
    digest: (): ContentDigests => ({ digest: blake3.digest(), fixity: others.digest() }),
  }
}

/** Returns the facts of the directories above a file, without those that cannot be read. */
export async function directoriesAbove({ root, path }: SourceFile): Promise<FoundDirectory[]> {
  const found: FoundDirectory[] = []
  const parts = path.split('/')
  for (let length = 0; length < parts.length; length += 1) {
    const directory = parts.slice(0, length).join('/')
    try {
      const fd = await (directory === ''
        ? openFd(root, constants.O_RDONLY)
        : openFile({ root, path: directory }, HOLD_DIRECTORY))
      await using _ = deferAsync(() => closeFd(fd))
      const facts = toFileMetadata(await statFd(fd), readAttributes(fd))
      found.push({ path: directory, facts, readAt: process.hrtime.bigint() })
    } catch (error) {
      dropError(error, 'a directory is sent without its mode and times; its files can be restored')
    }
  }
  return found
}

/** True if the file exists and may be read. */
export const isReadable = (file: SourceFile): Promise<boolean> => ask(file, () => true)

/**
 * Returns true if a process may have the changed file open for writing. If that is unknown (another system,
 * another user's file, a file system without leases), this is assumed while the content differs from the offered one.
 */
export const mayBeWritten = (file: SourceFile, now: FileStat, offered: FileStat): Promise<boolean> =>
  ask(file, (fd) => {
    const writer = hasWriter(fd)
    return writer === 'yes' || (writer === 'unknown' && !sameContent(now, offered))
  })

/** Opens a file and returns the result of `look`; false if it cannot be opened, which the next read reports. */
async function ask(file: SourceFile, look: (fd: number) => boolean): Promise<boolean> {
  try {
    const fd = await openFile(file)
    await using _ = deferAsync(() => closeFd(fd))
    return look(fd)
  } catch (error) {
    return dropError(error, 'a file that cannot be opened has no writer and no other content', false)
  }
}

const openFile = ({ root, path }: SourceFile, flags: number = READ_FILE): Promise<number> =>
  openBeneath(root, path, flags)
