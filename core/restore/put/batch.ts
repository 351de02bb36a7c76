import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs'
import path from 'node:path'
import { syncWhole } from '../../files/libc.ts'
import { WRITE_NEW_FILE } from '../../files/open-flags.ts'
import type { FileSystem } from '../../store/file-system.ts'
import { moveToFreeSync, tryFileSystem, UNKNOWN_FILE_SYSTEM } from '../../store/file-system.ts'
import type { Tree } from '../../store/tree.ts'
import type { Put } from './events.ts'

/** Files that are made durable together, and then get their names: so many, or so many bytes. */
const BATCH_FILES = 512
const BATCH_BYTES = 64 * 1024 * 1024

/** A file on its way, under a temporary name beside its own. */
interface Unnamed {
  fd: number
  way: readonly string[]
  temporary: string
  name: string
}

interface Written extends Unnamed {
  done(put: Put): void
}

/** Of all batches of this process. */
const temporaries = new Set<string>()

/** Removes what an end in the middle would leave; for a process that is about to end. */
export function removeUnfinished(): void {
  for (const file of temporaries) rmSync(file, { force: true })
}

const temporaryName = () => `.holdfast-restore-${randomBytes(6).toString('hex')}`

/** What the destination's file system can do, found out in a directory that nobody else has. */
function triedOf(root: string): FileSystem {
  const directory = `${root}/${temporaryName()}`
  try {
    mkdirSync(directory, { mode: 0o700 })
    return tryFileSystem(directory)
  } catch {
    return UNKNOWN_FILE_SYSTEM
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/**
 * Group commit at the destination of a restore: contents are durable before they get their names.
 * @param failed what to tell of a file that cannot get its name.
 */
export function openBatch(
  root: string,
  tree: Tree,
  overwrite: boolean,
  onSync: () => void,
  failed: (thrown: unknown, to: string) => Put,
) {
  const fileSystem = triedOf(root)
  /** Older than all that is written: no error of a sync escapes it. */
  const base = openSync(root, constants.O_RDONLY)
  let written: Written[] = []
  let bytes = 0

  const pathOf = ({ way, temporary }: Unnamed) => path.join(root, ...way, temporary)

  const isFolded = (directory: string, name: string): boolean =>
    (fileSystem.foldsCase || fileSystem.foldsForm) && !readdirSync(directory).includes(name)

  const name = ({ way, temporary, name: wanted }: Unnamed): Put => {
    tree.trim()
    const directory = tree.enter(way).path
    const [from, there] = [`${directory}/${temporary}`, `${directory}/${wanted}`]
    const to = path.join(root, ...way, wanted)
    if (overwrite) {
      const stats = lstatSync(there, { throwIfNoEntry: false })
      if (stats !== undefined && isFolded(directory, wanted)) {
        rmSync(from)
        return { kind: 'folded', to }
      }
      renameSync(from, there)
      return { kind: 'restored', to }
    }
    if (moveToFreeSync(from, there)) return { kind: 'restored', to }
    rmSync(from)
    return { kind: isFolded(directory, wanted) ? 'folded' : 'exists', to }
  }

  return {
    /** What has this name is called otherwise: the file system takes the two for one. */
    isFolded,
    /** A new file for a name in a directory. */
    make(way: readonly string[], directory: string, wanted: string) {
      const temporary = temporaryName()
      const fd = openSync(`${directory}/${temporary}`, WRITE_NEW_FILE, 0o600)
      const file = { fd, way, temporary, name: wanted }
      temporaries.add(pathOf(file))
      return file
    },
    discard(file: Unnamed) {
      closeSync(file.fd)
      rmSync(`${tree.enter(file.way).path}/${file.temporary}`, { force: true })
      temporaries.delete(pathOf(file))
    },
    /** It is written. `done` hears what became of it, when the batch is named. */
    add(file: Unnamed, size: number, done: (put: Put) => void) {
      written.push({ ...file, done })
      bytes += size
    },
    get isFull() {
      return written.length >= BATCH_FILES || bytes >= BATCH_BYTES
    },
    /** Makes all durable that was written, and gives it its names. @throws what the disk says. */
    flush() {
      const ready = written
      written = []
      bytes = 0
      if (ready.length > 0) {
        if (fileSystem.syncsWhole) syncWhole(base)
        else for (const { fd } of ready) fsyncSync(fd)
        onSync()
      }
      for (const file of ready) {
        let put: Put
        try {
          put = name(file)
        } catch (thrown) {
          put = failed(thrown, path.join(root, ...file.way, file.name))
        }
        closeSync(file.fd)
        temporaries.delete(pathOf(file))
        file.done(put)
      }
      const ways = new Map(ready.map(({ way }) => [way.join('/'), way]))
      if (!fileSystem.syncsWhole) for (const way of ways.values()) tree.sync(way)
    },
    close() {
      if (fileSystem.syncsWhole) syncWhole(base)
      closeSync(base)
    },
  }
}
