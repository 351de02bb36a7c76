import { closeSync, fsync, ftruncateSync, lstatSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import type { FileFacts } from '../../files/facts.ts'
import { dataIn } from '../../files/holes.ts'
import { READ_FILE } from '../../files/open-flags.ts'
import { errorCode } from '../../files/system-error.ts'
import { FileRefused } from '../outcome.ts'
import type { Making } from '../tree.ts'
import { openTree } from '../tree.ts'
import { NotAFile, readDigest } from '../verify/read-digest.ts'
import { openBatch } from './batch.ts'
import { restoreStopped } from './destination.ts'
import { createMadeDirectories } from './directories.ts'
import type { Dressing } from './dress.ts'
import type { Incoming } from './incoming.ts'
import { NotReadable } from './incoming.ts'

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
export type Putting = ReturnType<typeof openPutting>

/** A file is synced every so many bytes: all of a large one at once would be a silence of minutes, as of a disk that hangs. */
const SYNC_EVERY_BYTES = 32 * 1024 * 1024

const syncFd = promisify(fsync)

/** What says that nothing else could be written, either. */
const ENDS = new Set(['ENOSPC', 'EDQUOT', 'EROFS'])

class InTheWay extends Error {}

/** @throws Problem where nothing else could be written, either. */
function failedPut(thrown: unknown, root: string): Put {
  const code = errorCode(thrown) ?? String(thrown)
  if (ENDS.has(code)) throw restoreStopped(root, thrown)
  return { did: 'failed', code }
}

/** Writes a content to a new file; what is written is synced while the next bytes come. @returns what was read. */
async function writeContent(
  file: Incoming,
  to: number,
  advance: (bytes: number) => void,
): Promise<{ digest: Buffer; size: number }> {
  let unsynced = 0
  let syncing: Promise<void> = Promise.resolve()
  const isSparse = file.facts.more?.sparse === true
  const syncNow = async () => {
    await syncing
    unsynced = 0
    syncing = syncFd(to)
    // It is waited for below, or before the next one.
    syncing.catch(() => undefined)
  }
  try {
    const read = await file.read((piece, position) => {
      for (const part of isSparse ? dataIn(piece, position) : [{ bytes: piece, position }])
        for (let at = 0; at < part.bytes.length; )
          at += writeSync(to, part.bytes, at, part.bytes.length - at, part.position + at)
      unsynced += piece.length
      advance(piece.length)
      return unsynced >= SYNC_EVERY_BYTES ? syncNow() : undefined
    })
    if (isSparse) ftruncateSync(to, read.size)
    return read
  } finally {
    await syncing
  }
}

/** @param root the destination, which is there. */
export function openPutting(
  root: string,
  overwrite: boolean,
  dressing: Dressing,
  advance: (bytes: number) => void,
) {
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

  /** Whether a file that is there has this content. */
  const hasContent = async (file: Incoming, digest: Buffer, target: string): Promise<boolean> => {
    const fd = openSync(target, READ_FILE)
    try {
      const there = await readDigest(fd, () => advance(0))
      if (!there.digest.equals(digest)) return false
      // What may not be replaced stays as it is, its mode too: somebody may have closed it to others.
      if (overwrite) dress(fd, file.facts)
      return true
    } finally {
      closeSync(fd)
    }
  }

  /** What stands in the way of a file, or is it already; null: nothing, as far as it is known before it is read. */
  const judge = async (file: Incoming, directory: string, name: string): Promise<Put | null> => {
    const target = `${directory}/${name}`
    const there = lstatSync(target, { throwIfNoEntry: false })
    if (there === undefined) return null
    if (!there.isFile()) return { did: 'inTheWay' }
    if (batch.isFolded(directory, name)) return { did: 'folded' }
    if (there.size === file.facts.size) {
      if (file.digest === null) return null
      if (await hasContent(file, file.digest, target)) return { did: 'same' }
    }
    return overwrite ? null : { did: 'exists' }
  }

  /** The same of a content whose digest only reading it has told. */
  const judgeRead = async (
    file: Incoming,
    digest: Buffer,
    directory: string,
    name: string,
  ): Promise<Put | null> => (file.digest === null ? judge({ ...file, digest }, directory, name) : null)

  const putNow = async (
    file: Incoming,
    to: readonly string[],
    later: (put: Put) => void,
  ): Promise<Put | null> => {
    const way = to.slice(0, -1)
    const name = to.at(-1) ?? ''
    const judged = await judge(file, tree.enter(way, making).path, name)
    if (judged !== null) return judged
    const made = batch.make(way, tree.enter(way, making).path, name)
    try {
      const { digest, size } = await writeContent(file, made.fd, advance)
      const isWhole = size === file.facts.size && (file.digest?.equals(digest) ?? true)
      const put: Put | null = isWhole
        ? await judgeRead(file, digest, tree.enter(way, making).path, name)
        : { did: 'damaged', found: digest }
      if (put !== null) {
        batch.discard(made)
        return put
      }
      dress(made.fd, file.facts)
    } catch (thrown) {
      batch.discard(made)
      throw thrown
    }
    batch.add(made, file.facts.size, later)
    return null
  }

  const flush = () => {
    batch.flush()
    undressed += directories.dress()
  }

  return {
    /**
     * @param to the names below the destination.
     * @param directories what those on the way are at the source; null: nobody knows.
     * @param later hears what became of it, if that is known only when others are done, too.
     * @returns what became of it; null: `later` hears it.
     * @throws Problem where nothing else could be written, either; NotAFile and NotReadable, as the content could not be
     * read.
     */
    async put(
      file: Incoming,
      to: readonly string[],
      facts: readonly (FileFacts | null)[],
      later: (put: Put) => void,
    ) {
      directories.follow(to.slice(0, -1), facts)
      let put: Put | null
      try {
        put = await putNow(file, to, later)
      } catch (thrown) {
        if (thrown instanceof NotAFile || thrown instanceof NotReadable) throw thrown
        const isInTheWay = thrown instanceof InTheWay || thrown instanceof FileRefused
        put = isInTheWay ? { did: 'inTheWay' } : failedPut(thrown, root)
      }
      if (batch.isFull) flush()
      return put
    },
    /** All that was put has its name, and is durable. */
    end() {
      directories.follow([], [])
      flush()
      batch.close()
      tree.close()
    },
    /** Files and directories that did not get all that they had. */
    get undressed() {
      return undressed
    },
  }
}
