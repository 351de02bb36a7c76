import { createHash } from 'node:crypto'
import { closeFd, openFd, readFully, statFd } from '../wire/fd.ts'
import { CHUNK_BYTES } from '../wire/frames.ts'
import type { Facts } from './facts.ts'
import { factsOf, sameFile } from './facts.ts'
import type { Unsent } from './judge-read.ts'
import { judgeRead, modeOf, READ_FLAGS, unsentBecause } from './judge-read.ts'

export type { Unsent } from './judge-read.ts'
export { unsentBecause } from './judge-read.ts'

/** How reading stands with a whole file: its content is what the offered facts describe. */
export interface Content {
  kind: 'content'
  bytes: Buffer
  digest: Buffer
  mode: number
}

/**
 * Reads a small file once. The offered facts are the stat before; the one after the last byte must agree
 * with them, so what was read is what was offered.
 */
export async function readSmall(file: string, offered: Facts): Promise<Content | Unsent> {
  try {
    const fd = await openFd(file, READ_FLAGS)
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
        digest: createHash('sha256').update(bytes).digest(),
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
  /** The next bytes, at most CHUNK_BYTES; null after the offered size. */
  next(): Promise<Buffer | null>
  /** The digest of what was read, if the file is still what was offered; else how it has changed. */
  finish(): Promise<Buffer | Unsent>
  close(): Promise<void>
}

/** Opens a large file if it is what was offered. */
export async function openReading(file: string, offered: Facts): Promise<Reading | Unsent> {
  let fd: number
  try {
    fd = await openFd(file, READ_FLAGS)
  } catch (thrown) {
    return unsentBecause(thrown)
  }
  const refuse = async (unsent: Unsent): Promise<Unsent> => {
    await closeFd(fd).catch(() => undefined)
    return unsent
  }
  const hash = createHash('sha256')
  let position = 0
  try {
    const stats = await statFd(fd)
    if (!stats.isFile()) return await refuse({ kind: 'vanished' })
    const before = factsOf(stats)
    if (!sameFile(before, offered)) return await refuse({ kind: 'changed', facts: before })
    return {
      mode: modeOf(stats.mode),
      async next() {
        const wanted = Math.min(CHUNK_BYTES, offered.size - position)
        if (wanted === 0) return null
        const buffer = Buffer.allocUnsafeSlow(wanted)
        const length = await readFully(fd, buffer, position)
        position += length
        const bytes = buffer.subarray(0, length)
        hash.update(bytes)
        return length === 0 ? null : bytes
      },
      async finish() {
        const facts = factsOf(await statFd(fd))
        const same = position === offered.size && sameFile(facts, offered)
        return same ? hash.digest() : { kind: 'changed', facts }
      },
      close: () => closeFd(fd).catch(() => undefined),
    }
  } catch (thrown) {
    return refuse(unsentBecause(thrown))
  }
}
