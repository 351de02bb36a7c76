import { closeSync, fsyncSync, ftruncateSync, lstatSync, mkdirSync, openSync, writeSync } from 'node:fs'
import type { FileFacts } from '../../files/facts.ts'
import { dataIn } from '../../files/holes.ts'
import { READ_FILE } from '../../files/open-flags.ts'
import { errorCode } from '../../files/system-error.ts'
import type { FileRow } from '../manifest/rows.ts'
import { FileRefused } from '../outcome.ts'
import type { Making } from '../tree.ts'
import { openTree } from '../tree.ts'
import { NotAFile, readDigest } from '../verify/read-digest.ts'
import { openBatch } from './batch.ts'
import { restoreStopped } from './destination.ts'
import { createMadeDirectories } from './directories.ts'
import type { Dressing } from './dress.ts'

/** What became of one file. */
export type Put =
  | { did: 'restored' }
  /** This very content is there already. */
  | { did: 'same' }
  /** Other content is there, and stays; `folded`: it is that of another name, which is the same one there. */
  | { did: 'exists' | 'folded' }
  /** A directory, a symbolic link or something else that is no file is in the way. */
  | { did: 'inTheWay' }
  /** What the store holds is not what was stored: nothing was written. */
  | { did: 'damaged'; found: Buffer }
  | { did: 'failed'; code: string }

/** Brings contents to a destination: each whole or not at all. */
export interface Putting {
  /**
   * @param fd of the content in the store; the caller closes it.
   * @param to the names below the destination.
   * @param directories what those on the way are at the source; null: nobody knows.
   * @param later hears what became of it, if that is known only when others are done, too.
   * @returns what became of it; null: `later` hears it.
   * @throws Problem where nothing else could be written, either.
   */
  put(
    row: FileRow,
    fd: number,
    to: readonly string[],
    directories: readonly (FileFacts | null)[],
    later: (put: Put) => void,
  ): Promise<Put | null>
  /** All that was put has its name, and is durable. */
  end(): void
  /** Files and directories that did not get all that they had. */
  readonly undressed: number
}

/** A file is synced every so many bytes: all of a large one at once would be a silence of minutes, as of a disk that hangs. */
const SYNC_EVERY_BYTES = 32 * 1024 * 1024

/** What says that nothing else could be written, either. */
const ENDS = new Set(['ENOSPC', 'EDQUOT', 'EROFS'])

class InTheWay extends Error {}

/** @throws Problem where nothing else could be written, either. */
function failedPut(thrown: unknown, root: string): Put {
  const code = errorCode(thrown) ?? String(thrown)
  if (ENDS.has(code)) throw restoreStopped(root, thrown)
  return { did: 'failed', code }
}

/** Writes a content to a new file. @returns the digest of what was read. */
async function writeContent(
  row: FileRow,
  from: number,
  to: number,
  advance: (bytes: number) => void,
): Promise<Buffer> {
  let unsynced = 0
  const isSparse = row.facts.more?.sparse === true
  const read = await readDigest(from, (piece, position) => {
    for (const part of isSparse ? dataIn(piece, position) : [{ bytes: piece, position }])
      for (let at = 0; at < part.bytes.length; )
        at += writeSync(to, part.bytes, at, part.bytes.length - at, part.position + at)
    unsynced += piece.length
    if (unsynced >= SYNC_EVERY_BYTES) {
      fsyncSync(to)
      unsynced = 0
    }
    advance(piece.length)
  })
  if (isSparse) ftruncateSync(to, read.size)
  return read.digest
}

/** @param root the destination, which is there. */
export function openPutting(
  root: string,
  overwrite: boolean,
  dressing: Dressing,
  advance: (bytes: number) => void,
): Putting {
  const tree = openTree(root)
  const directories = createMadeDirectories(tree, dressing)
  const batch = openBatch(
    root,
    tree,
    overwrite,
    () => advance(0),
    (thrown) => failedPut(thrown, root),
  )
  let undressed = 0

  const making: Making = {
    missing(parent, name, way) {
      // Nobody else is to see what is in it before it has its own mode.
      mkdirSync(`${parent.path}/${name}`, { mode: 0o700 })
      directories.made(way)
    },
    inTheWay() {
      throw new InTheWay()
    },
  }

  const dress = (fd: number, facts: FileFacts) => {
    if (!dressing.dress(fd, facts)) undressed += 1
  }

  const isSame = async (row: FileRow, target: string): Promise<boolean> => {
    const fd = openSync(target, READ_FILE)
    try {
      const { digest } = await readDigest(fd, () => advance(0))
      if (!digest.equals(row.digest)) return false
      // What may not be replaced stays as it is, its mode too: somebody may have closed it to others.
      if (overwrite) dress(fd, row.facts)
      return true
    } finally {
      closeSync(fd)
    }
  }

  /** What stands in the way of a file, or is it already; null: nothing. */
  const judge = async (row: FileRow, directory: string, name: string): Promise<Put | null> => {
    const target = `${directory}/${name}`
    const there = lstatSync(target, { throwIfNoEntry: false })
    if (there === undefined) return null
    if (!there.isFile()) return { did: 'inTheWay' }
    if (batch.isFolded(directory, name)) return { did: 'folded' }
    if (there.size === row.facts.size && (await isSame(row, target))) return { did: 'same' }
    return overwrite ? null : { did: 'exists' }
  }

  const putNow = async (
    row: FileRow,
    from: number,
    to: readonly string[],
    later: (put: Put) => void,
  ): Promise<Put | null> => {
    const way = to.slice(0, -1)
    const name = to.at(-1) ?? ''
    const judged = await judge(row, tree.enter(way, making).path, name)
    if (judged !== null) return judged
    const file = batch.make(way, tree.enter(way, making).path, name)
    try {
      const digest = await writeContent(row, from, file.fd, advance)
      if (!digest.equals(row.digest)) {
        batch.discard(file)
        return { did: 'damaged', found: digest }
      }
      dress(file.fd, row.facts)
    } catch (thrown) {
      batch.discard(file)
      throw thrown
    }
    batch.add(file, row.facts.size, later)
    return null
  }

  const flush = () => {
    batch.flush()
    undressed += directories.dress()
  }

  return {
    async put(row, fd, to, facts, later) {
      directories.follow(to.slice(0, -1), facts)
      let put: Put | null
      try {
        put = await putNow(row, fd, to, later)
      } catch (thrown) {
        if (thrown instanceof NotAFile) throw thrown
        const isInTheWay = thrown instanceof InTheWay || thrown instanceof FileRefused
        put = isInTheWay ? { did: 'inTheWay' } : failedPut(thrown, root)
      }
      if (batch.isFull) flush()
      return put
    },
    end() {
      directories.follow([], [])
      flush()
      batch.close()
      tree.close()
    },
    get undressed() {
      return undressed
    },
  }
}
