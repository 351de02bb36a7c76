import { constants } from 'node:fs'
import { dropError, settled } from '../../dropped-errors.ts'
import { createHasher, type Hasher } from '../../platform/digest.ts'
import { type FileFacts, fileFactsOf } from '../../platform/facts.ts'
import { closeFd, closeQuietly, openFd, readFully, statFd } from '../../platform/fd.ts'
import { attributesOf, hasWriter } from '../../platform/native.ts'
import { HOLD_DIRECTORY, READ_FILE } from '../../platform/open-flags.ts'
import { openBeneath } from '../../platform/openat2.ts'
import { type StatFacts, sameContent, sameFile, statFactsOf } from '../../platform/stat-facts.ts'
import { chunkBuffers } from '../../protocol/frame-buffers.ts'
import { type Unsent, unsentBecause } from './facts.ts'
import type { FoundDirectory } from './group.ts'

// No symbolic link in any part of a path below a source is followed: else whoever may exchange a directory there could
// have any other file sent.

/** A file of a source. */
export interface SourceFile {
  /** Absolute path of the source. */
  root: string
  /** Relative to it, with "/". */
  path: string
}

const openFile = ({ root, path }: SourceFile, flags: number = READ_FILE): Promise<number> =>
  openBeneath(root, path, flags)

/** What the directories above a file are; those that cannot be looked at are left out. */
export async function directoriesAbove({ root, path }: SourceFile): Promise<FoundDirectory[]> {
  const found: FoundDirectory[] = []
  const parts = path.split('/')
  for (let length = 0; length < parts.length; length += 1) {
    const directory = parts.slice(0, length).join('/')
    try {
      const fd = await (directory === ''
        ? openFd(root, constants.O_RDONLY)
        : openFile({ root, path: directory }, HOLD_DIRECTORY))
      try {
        found.push({ path: directory, facts: fileFactsOf(await statFd(fd), attributesOf(fd)) })
      } finally {
        await closeFd(fd)
      }
    } catch (error) {
      dropError(error, 'a directory is sent without its mode and times; its files can be restored')
    }
  }
  return found
}

/** What is said of a file that is open; false: it cannot be opened, which the next attempt to read it says. */
async function ask(file: SourceFile, look: (fd: number) => boolean): Promise<boolean> {
  try {
    const fd = await openFile(file)
    try {
      return look(fd)
    } finally {
      await closeFd(fd)
    }
  } catch (error) {
    return dropError(error, 'a file that cannot be opened has no writer and no other content', false)
  }
}

/** Whether it is there, and may be read. */
export const isReadable = (file: SourceFile): Promise<boolean> => ask(file, () => true)

/**
 * Returns true if a writer may hold a changed file open in this moment. Where the kernel does not answer (another system, another
 * user's file, a file system without leases) it may while its content is another one than what was offered.
 */
export const mayBeWritten = (file: SourceFile, now: StatFacts, offered: StatFacts): Promise<boolean> =>
  ask(file, (fd) => {
    const writer = hasWriter(fd)
    return writer === 'yes' || (writer === 'unknown' && !sameContent(now, offered))
  })

/** A large file that is read in order, once. */
export type Reading = ReturnType<typeof readingOf>

/** True if a file is the offered one and has grown since by a program that has closed it again. */
const hasGrown = (fd: number, now: StatFacts, offered: StatFacts): boolean =>
  now.inode === offered.inode && now.size > offered.size && hasWriter(fd) === 'no'

/**
 * Opens a large file if it is what was offered.
 * @param mayGrow a file that has grown since is opened as it is now, unless a writer has it open.
 */
export async function openReading(
  file: SourceFile,
  offered: StatFacts,
  { mayGrow = false } = {},
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
    if (!stats.isFile()) return await refuse({ kind: 'vanished' })
    const before = statFactsOf(stats)
    const isOffered = sameFile(before, offered) || (mayGrow && hasGrown(fd, before, offered))
    if (!isOffered) return await refuse({ kind: 'changed', facts: before })
    return readingOf(fd, before, fileFactsOf(stats, attributesOf(fd)), createHasher())
  } catch (thrown) {
    return refuse(unsentBecause(thrown))
  }
}

function readingOf(fd: number, stat: StatFacts, facts: FileFacts, first: Hasher) {
  let hash = first
  let position = 0
  let ahead: Promise<Buffer> | null = null
  const read = async (from: number, end: number, most: number): Promise<Buffer> => {
    const room = chunkBuffers.takeRoom()
    const buffer = room.subarray(0, Math.min(room.length, most, end - from))
    return buffer.subarray(0, await readFully(fd, buffer, from))
  }
  const readAhead = (from: number, end: number, most: number) => {
    ahead = from < end ? read(from, end, most) : null
    // Whoever asks for it gets the error.
    if (ahead !== null) void settled(ahead)
  }
  return {
    facts,
    /** As it was opened. */
    stat,
    /** Whether somebody has it open for writing now. */
    hasWriter: () => hasWriter(fd),
    /**
     * The next bytes, at most a chunk, about `most`, and none beyond `until`; null there, and at its end. Those after them
     * are read meanwhile. Whoever has used them gives their memory back (chunkBuffers).
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
    /** Stat of the file as it is now. */
    now: async (): Promise<StatFacts> => statFactsOf(await statFd(fd)),
    /** The digest of what was read, if the file is still what was offered; else how it has changed. */
    async finish(): Promise<Buffer | Unsent> {
      const now = statFactsOf(await statFd(fd))
      const same = position === stat.size && sameFile(now, stat)
      return same ? hash.digest() : { kind: 'changed', facts: now }
    },
    /** Goes back to the beginning; returns the digest of what was read until now, null where that is not all. */
    rewind(): Buffer | null {
      const digest = position === stat.size ? hash.digest() : null
      hash = createHasher()
      position = 0
      return digest
    },
    async close() {
      // Its number may be another file's as soon as it is closed.
      if (ahead !== null) await settled(ahead)
      await closeQuietly(fd)
    },
  }
}
