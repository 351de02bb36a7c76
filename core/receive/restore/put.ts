import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { mkdir, rename, unlink, utimes } from 'node:fs/promises'
import path from 'node:path'
import { BEST_DIGEST, digestKindOf } from '../../files/digest.ts'
import { closeFd, openFd, setModeFd, setTimesFd, syncDataFd, syncFd, writeFully } from '../../files/fd.ts'
import { lstatOrNull } from '../../files/lstat-or-null.ts'
import { moveToFree } from '../../files/move-to-free.ts'
import { READ_FILE, WRITE_NEW_FILE } from '../../files/open-flags.ts'
import { errorCode } from '../../files/system-error.ts'
import type { Held } from '../placement/held-directory.ts'
import { hold, holdRoot, NO_DIRECTORY } from '../placement/held-directory.ts'
import { type DigestRead, readDigest } from '../verify/read-digest.ts'
import { isLike } from './is-like.ts'
import type { Content } from './select.ts'

/** What became of one file. */
export type Put =
  /** `verified`: its content was compared with the manifest's digest. */
  | { did: 'restored'; verified: boolean; bytes: number }
  /** This very content is there already: the manifest's if it is `verified`, else the store's as it is now. */
  | { did: 'same'; verified: boolean }
  /** Other content is there, and stays. */
  | { did: 'exists' }
  /** A directory, a symbolic link or something else that is no file is in the way. */
  | { did: 'inTheWay' }
  /** What the store holds is not what was stored: nothing was written. `isLike`: it has the size and the time of that. */
  | { did: 'damaged'; expected: string; found: string; isLike: boolean }

/**
 * A file is synced every so many bytes: all of a large one at once would be a silence of minutes, which is what a disk
 * that hangs sounds like.
 */
const SYNC_EVERY_BYTES = 32 * 1024 * 1024

const SAME_TIME_MS = 1

type Dress = Pick<DigestRead, 'mode' | 'mtimeMs'>

/** The file that is being written now; one at a time. */
let unfinished: string | null = null

/** Removes what an end in the middle would leave; for a process that is about to end. */
export function removeUnfinished(): void {
  if (unfinished !== null) rmSync(unfinished, { force: true })
}

/** Makes the directory below `root`, which is there, and opens it; null: something that is none, maybe a link, is in the way. */
async function openBelow(root: string, parts: readonly string[]): Promise<Held | null> {
  let held = await holdRoot(root)
  for (const part of parts) {
    const above = held
    const directory = path.join(above.path, part)
    try {
      await mkdir(directory).catch((thrown: unknown) => {
        if (errorCode(thrown) !== 'EEXIST') throw thrown
      })
      held = await hold(directory)
    } catch (thrown) {
      if (!NO_DIRECTORY.has(errorCode(thrown) ?? '')) throw thrown
      return null
    } finally {
      await above.close()
    }
  }
  return held
}

/** Gives the finished file its name; false: meanwhile something else has that name. */
async function giveName(temporary: string, target: string, overwrite: boolean): Promise<boolean> {
  if (!overwrite) return moveToFree(temporary, target)
  await rename(temporary, target)
  return true
}

/**
 * Brings one content of the store to `root` and the names below it, with its mode and time: whole or not at all.
 *
 * @param advance is called with the bytes of each piece, and with 0 where only time goes by.
 * @throws NotAFile, or what the system says.
 */
export async function putFile(
  content: Content,
  from: string,
  root: string,
  to: readonly string[],
  overwrite: boolean,
  advance: (bytes: number) => void,
): Promise<Put> {
  const held = await openBelow(root, to.slice(0, -1))
  if (held === null) return { did: 'inTheWay' }
  try {
    return await putIn(held, content, from, to.at(-1) ?? '', overwrite, advance)
  } finally {
    await held.close()
  }
}

/** Gives an open file its mode and time, and makes all of it durable. */
async function dress(fd: number, { mode, mtimeMs }: Dress): Promise<void> {
  await setModeFd(fd, mode)
  await setTimesFd(fd, mtimeMs / 1000, mtimeMs / 1000)
  await syncFd(fd)
}

/** The same for a file that has its content already, if it needs that. */
async function dressAgain(file: string, now: Dress, wanted: Dress): Promise<void> {
  if (now.mode === wanted.mode && Math.abs(now.mtimeMs - wanted.mtimeMs) < SAME_TIME_MS) return
  // Windows knows no such modes, and sets no times through a file that is open for reading.
  if (process.platform === 'win32') return utimes(file, wanted.mtimeMs / 1000, wanted.mtimeMs / 1000)
  const fd = await openFd(file, READ_FILE)
  try {
    await dress(fd, wanted)
  } finally {
    await closeFd(fd)
  }
}

/** Fills a new file with a content, gives it its mode and time, makes it durable, and closes it. */
async function fill(
  fd: number,
  { row }: Content,
  from: string,
  advance: (bytes: number) => void,
): Promise<DigestRead> {
  try {
    let unsynced = 0
    const kind = row === null ? BEST_DIGEST : digestKindOf(row.digest)
    const got = await readDigest(from, kind, async (piece, position) => {
      await writeFully(fd, piece, position)
      unsynced += piece.length
      if (unsynced >= SYNC_EVERY_BYTES) {
        await syncDataFd(fd)
        unsynced = 0
      }
      advance(piece.length)
    })
    await dress(fd, row ?? got)
    return got
  } finally {
    await closeFd(fd)
  }
}

async function putIn(
  held: Held,
  content: Content,
  from: string,
  name: string,
  overwrite: boolean,
  advance: (bytes: number) => void,
): Promise<Put> {
  const { row, stats } = content
  const target = path.join(held.path, name)
  const there = await lstatOrNull(target)
  if (there !== null && !there.isFile()) return { did: 'inTheWay' }
  if (there !== null && there.size === stats.size) {
    const alive = () => advance(0)
    const wanted = row?.digest ?? (await readDigest(from, BEST_DIGEST, alive)).digest
    const now = await readDigest(target, digestKindOf(wanted), alive)
    if (now.digest === wanted) {
      const { mode, mtimeMs } = row ?? stats
      // What may not be replaced stays as it is, its mode too: somebody may have closed it to others.
      if (overwrite) await dressAgain(target, now, { mode: mode & 0o777, mtimeMs })
      return { did: 'same', verified: row !== null }
    }
  }
  if (there !== null && !overwrite) return { did: 'exists' }

  const temporary = path.join(held.path, `.holdfast-restore-${randomBytes(6).toString('hex')}`)
  unfinished = temporary
  const fd = await openFd(temporary, WRITE_NEW_FILE, 0o600)
  try {
    const read = await fill(fd, content, from, advance)
    if (row !== null && read.digest !== row.digest) {
      await unlink(temporary)
      return { did: 'damaged', expected: row.digest, found: read.digest, isLike: isLike(read, row) }
    }
    if (!(await giveName(temporary, target, overwrite))) {
      await unlink(temporary)
      return { did: 'exists' }
    }
    await held.sync()
    return { did: 'restored', verified: row !== null, bytes: read.size }
  } catch (thrown) {
    await unlink(temporary).catch(() => undefined)
    throw thrown
  } finally {
    unfinished = null
  }
}
