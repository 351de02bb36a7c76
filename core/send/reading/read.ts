import { constants } from 'node:fs'
import { access, lstat } from 'node:fs/promises'
import type { DigestKind } from '../../files/digest.ts'
import { createHasher, digestOf } from '../../files/digest.ts'
import { closeFd, openFd, readFully, statFd } from '../../files/fd.ts'
import { READ_FILE } from '../../files/open-flags.ts'
import { chunkBuffers } from '../../wire/frame-buffers.ts'
import { CHUNK_BYTES } from '../../wire/limits.ts'
import type { Facts } from './facts.ts'
import { factsOf, sameFile } from './facts.ts'
import type { Unsent } from './judge-read.ts'
import { judgeRead, modeOf, unsentBecause } from './judge-read.ts'

export type { Unsent } from './judge-read.ts'
export { unsentBecause } from './judge-read.ts'

/** How reading stands with a whole file: its content is what the offered facts describe. */
export interface Content {
  kind: 'content'
  bytes: Buffer
  digest: Buffer
  mode: number
}

/** Whether a file with these facts is there. */
export async function isStill(file: string, facts: Facts): Promise<boolean> {
  try {
    const stats = await lstat(file, { bigint: true })
    return stats.isFile() && sameFile(factsOf(stats), facts)
  } catch {
    return false
  }
}

/** Whether the file with these facts is there, and may be read. */
export async function isReadable(file: string, facts: Facts): Promise<boolean> {
  if (!(await isStill(file, facts))) return false
  try {
    await access(file, constants.R_OK)
    return true
  } catch {
    return false
  }
}

/**
 * Whether a writer holds the file open in this moment. false also where that cannot be asked (another system,
 * another user's file, a file system without leases).
 */
export async function isBeingWritten(file: string): Promise<boolean> {
  if (process.platform !== 'linux') return false
  try {
    const { hasWriter } = await import('../../files/lease.ts')
    const fd = await openFd(file, READ_FILE)
    try {
      return hasWriter(fd) === 'yes'
    } finally {
      await closeFd(fd)
    }
  } catch {
    // It cannot be opened, which the next attempt to read it says; or the native library does not load here.
    return false
  }
}

/**
 * Reads a small file once. The offered facts are the stat before; the one after the last byte must agree
 * with them, so what was read is what was offered.
 */
export async function readSmall(
  file: string,
  offered: Facts,
  digests: DigestKind,
): Promise<Content | Unsent> {
  try {
    const fd = await openFd(file, READ_FILE)
    try {
      // One byte more than expected: a file that has grown shows itself.
      const buffer = Buffer.allocUnsafe(offered.size + 1)
      const length = await readFully(fd, buffer, 0)
      const judged = judgeRead(await statFd(fd), length, offered)
      if ('kind' in judged) return judged
      const bytes = buffer.subarray(0, length)
      return {
        kind: 'content',
        bytes,
        digest: digestOf(digests, bytes),
        mode: judged.mode,
      }
    } finally {
      await closeFd(fd)
    }
  } catch (thrown) {
    return unsentBecause(thrown)
  }
}

/** A large file that is read in order, once. */
export interface Reading {
  mode: number
  /**
   * The next bytes, at most CHUNK_BYTES and none beyond `end`; null there, and after the offered size. Those after them are read meanwhile. Whoever
   * has used them gives their memory back (chunkBuffers).
   */
  next(end?: number): Promise<Buffer | null>
  /** The digest of what was read, if the file is still what was offered; else how it has changed. */
  finish(): Promise<Buffer | Unsent>
  close(): Promise<void>
}

/** Opens a large file if it is what was offered. */
export async function openReading(
  file: string,
  offered: Facts,
  digests: DigestKind,
): Promise<Reading | Unsent> {
  let fd: number
  try {
    fd = await openFd(file, READ_FILE)
  } catch (thrown) {
    return unsentBecause(thrown)
  }
  const refuse = async (unsent: Unsent): Promise<Unsent> => {
    await closeFd(fd).catch(() => undefined)
    return unsent
  }
  const hash = createHasher(digests)
  let position = 0
  let ahead: Promise<Buffer> | null = null
  const read = async (from: number, end: number): Promise<Buffer> => {
    const buffer = chunkBuffers.takeRoom().subarray(0, Math.min(CHUNK_BYTES, end - from))
    return buffer.subarray(0, await readFully(fd, buffer, from))
  }
  const readAhead = (from: number, end: number) => {
    ahead = from < end ? read(from, end) : null
    // Whoever asks for it gets the error.
    ahead?.catch(() => undefined)
  }
  try {
    const stats = await statFd(fd)
    if (!stats.isFile()) return await refuse({ kind: 'vanished' })
    const before = factsOf(stats)
    if (!sameFile(before, offered)) return await refuse({ kind: 'changed', facts: before })
    return {
      mode: modeOf(stats.mode),
      async next(until = offered.size) {
        const end = Math.min(until, offered.size)
        if (position >= end) return null
        const bytes = await (ahead ?? read(position, end))
        position += bytes.length
        if (bytes.length === 0) return null
        readAhead(position, end)
        hash.update(bytes)
        return bytes
      },
      async finish() {
        const facts = factsOf(await statFd(fd))
        const same = position === offered.size && sameFile(facts, offered)
        return same ? hash.digest() : { kind: 'changed', facts }
      },
      async close() {
        // Its number may be another file's as soon as it is closed.
        await ahead?.catch(() => undefined)
        await closeFd(fd).catch(() => undefined)
      },
    }
  } catch (thrown) {
    return refuse(unsentBecause(thrown))
  }
}
