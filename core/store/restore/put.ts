import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import type { FileFacts } from '../../files/facts.ts'
import { dataIn } from '../../files/holes.ts'
import { syncWhole } from '../../files/libc.ts'
import { READ_FILE, WRITE_NEW_FILE } from '../../files/open-flags.ts'
import { errorCode } from '../../files/system-error.ts'
import type { FileSystem } from '../file-system.ts'
import { moveToFreeSync, tryFileSystem, UNKNOWN_FILE_SYSTEM } from '../file-system.ts'
import type { FileRow } from '../manifest/rows.ts'
import { FileRefused } from '../outcome.ts'
import type { Tree, TreeDirectory } from '../tree.ts'
import { openTree } from '../tree.ts'
import { NotAFile, readDigest } from '../verify/read-digest.ts'
import type { Dressing } from './dress.ts'
import { restoreStopped } from './problems.ts'

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

/** Files that are written before they are made durable together and get their names, and their bytes. */
const TOGETHER_FILES = 256
const TOGETHER_BYTES = 64 * 1024 * 1024
/** A file is synced every so many bytes: all of a large one at once would be a silence of minutes, as of a disk that hangs. */
const SYNC_EVERY_BYTES = 32 * 1024 * 1024

/** What says that nothing else could be written, either. */
const ENDS = new Set(['ENOSPC', 'EDQUOT', 'EROFS'])

interface Pending {
  fd: number
  way: readonly string[]
  temporary: string
  name: string
  done: (put: Put) => void
}

/** Files that are written and have no name of their own yet. */
const unfinished = new Set<string>()

/** Removes what an end in the middle would leave; for a process that is about to end. */
export function removeUnfinished(): void {
  for (const file of unfinished) rmSync(file, { force: true })
}

class InTheWay extends Error {}

const pathOf = (root: string, way: readonly string[], name: string) => [root, ...way, name].join('/')

/** @throws Problem where nothing else could be written, either. */
function failedPut(thrown: unknown, root: string): Put {
  const code = errorCode(thrown) ?? String(thrown)
  if (ENDS.has(code)) throw restoreStopped(root, thrown)
  return { did: 'failed', code }
}

/** What the destination's file system can do, found out in a directory that nobody else has. */
function triedOf(root: string): FileSystem {
  const directory = `${root}/.holdfast-restore-${randomBytes(6).toString('hex')}`
  try {
    mkdirSync(directory, { mode: 0o700 })
    return tryFileSystem(directory)
  } catch {
    return UNKNOWN_FILE_SYSTEM
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** @param root the destination, which is there. */
export function openPutting(
  root: string,
  overwrite: boolean,
  dressing: Dressing,
  advance: (bytes: number) => void,
): Putting {
  const tree: Tree = openTree(root)
  const fileSystem = triedOf(root)
  /** Older than all that is written: no error of a sync escapes it. */
  const base = openSync(root, constants.O_RDONLY)
  let pending: Pending[] = []
  let bytes = 0
  let undressed = 0
  /** Directories that were made, the deepest last, on the way to the file that came last; and those that are done. */
  const open: { way: readonly string[]; facts: FileFacts | null }[] = []
  let over: { way: readonly string[]; facts: FileFacts | null }[] = []
  const made = new Set<string>()

  const making = {
    missing(parent: TreeDirectory, name: string, way: readonly string[]) {
      // Nobody else is to see what is in it before it has its own mode.
      mkdirSync(`${parent.path}/${name}`, { mode: 0o700 })
      made.add(way.join('/'))
    },
    inTheWay() {
      throw new InTheWay()
    },
  }

  /** Directories that have all their files get their own facts when those have their names. */
  const follow = (way: readonly string[], facts: readonly (FileFacts | null)[]) => {
    const shared = open.findIndex((one, depth) => one.way.at(-1) !== way[depth])
    const kept = Math.min(shared === -1 ? open.length : shared, way.length)
    over.push(...open.splice(kept).reverse())
    for (let depth = kept; depth < way.length; depth += 1)
      open.push({ way: way.slice(0, depth + 1), facts: facts[depth] ?? null })
  }

  const dressDirectories = () => {
    for (const { way, facts } of over) {
      const place = way.join('/')
      if (!made.delete(place)) continue
      const { path } = tree.enter(way)
      const fd = openSync(path, constants.O_RDONLY | (constants.O_DIRECTORY ?? 0))
      try {
        if (facts === null) continue
        if (!dressing.dress(fd, facts)) undressed += 1
      } finally {
        closeSync(fd)
      }
    }
    over = []
  }

  /** All that was written up to now. @throws what the disk has said of it. */
  const syncAll = () => {
    const failure = syncWhole(base)
    if (failure !== null) throw Object.assign(new Error(`${failure}: syncfs`), { code: failure })
  }

  const syncWritten = () => {
    if (fileSystem.syncsWhole) syncAll()
    else for (const { fd } of pending) fsyncSync(fd)
    advance(0)
  }

  /** Gives a finished file its name. */
  const name = ({ way, temporary, name: wanted }: Pending): Put => {
    const { path } = tree.enter(way)
    const [from, to] = [`${path}/${temporary}`, `${path}/${wanted}`]
    if (overwrite) {
      const there = lstatSync(to, { throwIfNoEntry: false })
      if (there !== undefined && isFolded(path, wanted)) {
        rmSync(from)
        return { did: 'folded' }
      }
      renameSync(from, to)
      return { did: 'restored' }
    }
    if (moveToFreeSync(from, to, renameSync)) return { did: 'restored' }
    rmSync(from)
    return { did: isFolded(path, wanted) ? 'folded' : 'exists' }
  }

  /** What has this name is called otherwise: the file system takes the two for one. */
  const isFolded = (directory: string, wanted: string): boolean =>
    (fileSystem.foldsCase || fileSystem.foldsForm) && !readdirSync(directory).includes(wanted)

  const flush = () => {
    if (pending.length > 0) syncWritten()
    const ready = pending
    const ways = new Map(ready.map(({ way }) => [way.join('/'), way]))
    pending = []
    bytes = 0
    for (const one of ready) {
      let put: Put
      try {
        put = name(one)
      } catch (thrown) {
        put = failedPut(thrown, root)
      }
      closeSync(one.fd)
      unfinished.delete(pathOf(root, one.way, one.temporary))
      one.done(put)
    }
    if (!fileSystem.syncsWhole) for (const way of ways.values()) tree.sync(way)
    dressDirectories()
  }

  const write = async (row: FileRow, from: number, fd: number): Promise<Buffer> => {
    let unsynced = 0
    const isSparse = row.facts.more?.sparse === true
    const read = await readDigest(from, (piece, position) => {
      for (const part of isSparse ? dataIn(piece, position) : [{ bytes: piece, position }])
        for (let at = 0; at < part.bytes.length; )
          at += writeSync(fd, part.bytes, at, part.bytes.length - at, part.position + at)
      unsynced += piece.length
      if (unsynced >= SYNC_EVERY_BYTES) {
        fsyncSync(fd)
        unsynced = 0
      }
      advance(piece.length)
    })
    if (isSparse) ftruncateSync(fd, read.size)
    return read.digest
  }

  /** What stands in the way of a file, or is it already; null: nothing. */
  const judge = async (row: FileRow, directory: string, wanted: string): Promise<Put | null> => {
    const target = `${directory}/${wanted}`
    const there = lstatSync(target, { throwIfNoEntry: false })
    if (there === undefined) return null
    if (!there.isFile()) return { did: 'inTheWay' }
    if (isFolded(directory, wanted)) return { did: 'folded' }
    if (there.size === row.facts.size) {
      const fd = openSync(target, READ_FILE)
      try {
        const { digest } = await readDigest(fd, () => advance(0))
        if (digest.equals(row.digest)) {
          // What may not be replaced stays as it is, its mode too: somebody may have closed it to others.
          if (overwrite && !dressing.dress(fd, row.facts)) undressed += 1
          return { did: 'same' }
        }
      } finally {
        closeSync(fd)
      }
    }
    return overwrite ? null : { did: 'exists' }
  }

  const putNow = async (
    row: FileRow,
    from: number,
    to: readonly string[],
    done: (put: Put) => void,
  ): Promise<Put | null> => {
    const way = to.slice(0, -1)
    const wanted = to.at(-1) ?? ''
    const judged = await judge(row, tree.enter(way, making).path, wanted)
    if (judged !== null) return judged
    const temporary = `.holdfast-restore-${randomBytes(6).toString('hex')}`
    const { path } = tree.enter(way, making)
    const fd = openSync(`${path}/${temporary}`, WRITE_NEW_FILE, 0o600)
    unfinished.add(pathOf(root, way, temporary))
    const giveUp = () => {
      closeSync(fd)
      rmSync(`${tree.enter(way).path}/${temporary}`, { force: true })
      unfinished.delete(pathOf(root, way, temporary))
    }
    try {
      const digest = await write(row, from, fd)
      if (!digest.equals(row.digest)) {
        giveUp()
        return { did: 'damaged', found: digest }
      }
      if (!dressing.dress(fd, row.facts)) undressed += 1
    } catch (thrown) {
      giveUp()
      throw thrown
    }
    pending.push({ fd, way, temporary, name: wanted, done })
    bytes += row.facts.size
    return null
  }

  return {
    async put(row, fd, to, directories, later) {
      follow(to.slice(0, -1), directories)
      let put: Put | null
      try {
        put = await putNow(row, fd, to, later)
      } catch (thrown) {
        if (thrown instanceof NotAFile) throw thrown
        const isInTheWay = thrown instanceof InTheWay || thrown instanceof FileRefused
        put = isInTheWay ? { did: 'inTheWay' } : failedPut(thrown, root)
      }
      if (pending.length >= TOGETHER_FILES || bytes >= TOGETHER_BYTES) flush()
      return put
    },
    end() {
      follow([], [])
      flush()
      if (fileSystem.syncsWhole) syncAll()
      closeSync(base)
      tree.close()
    },
    get undressed() {
      return undressed
    },
  }
}
