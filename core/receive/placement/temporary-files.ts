import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rm, unlink } from 'node:fs/promises'
import path from 'node:path'
import { openFd } from '../../files/fd.ts'
import { WRITE_NEW_FILE } from '../../files/open-flags.ts'
import { errorCode } from '../../files/system-error.ts'
import { isRunning } from '../../worker/is-running.ts'
import type { Home } from './store-disk.ts'

/** Files on their way, in a directory of this process's own on the store's file system. */
export interface TemporaryFiles {
  /** That directory, once `prepare` has made it. */
  readonly directory: string
  /** A path that nothing has, in a directory that `prepare` makes. */
  name(): string
  prepare(): Promise<void>
  /** Creates an empty file that nobody else has; the caller closes it, and renames or removes it. */
  create(): Promise<{ fd: number; file: string }>
  /** Removes one of them, if it is there and can be removed. */
  discard(file: string): Promise<void>
  /** Removes what processes that are gone have left. */
  clean(): Promise<void>
  remove(): Promise<void>
}

/** Not `recursive`: that one says ENOENT where a read-only file system says EROFS. */
export async function makeDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { mode: 0o700 })
  } catch (thrown) {
    if (errorCode(thrown) !== 'EEXIST') throw thrown
  }
}

export function openTemporaryFiles(parent: string, home: Home): TemporaryFiles {
  const mine = `${process.pid}-${randomBytes(6).toString('hex')}`
  const directory = path.join(parent, mine)
  let count = 0

  const name = () => {
    count += 1
    return `${directory}/${count}`
  }
  const prepare = async () => {
    await home.check()
    await makeDirectory(path.dirname(parent))
    await makeDirectory(parent)
    await makeDirectory(directory)
  }

  return {
    directory,
    name,
    prepare,
    discard: (file) => unlink(file).catch(() => undefined),
    async create() {
      const file = name()
      try {
        return { fd: await openFd(file, WRITE_NEW_FILE, 0o600), file }
      } catch (thrown) {
        if (errorCode(thrown) !== 'ENOENT') throw thrown
        await prepare()
        return { fd: await openFd(file, WRITE_NEW_FILE, 0o600), file }
      }
    },

    async clean() {
      for (const name of await readdir(parent).catch(() => [])) {
        const pid = Number(/^(\d+)-/.exec(name)?.[1])
        // A directory with this process's own number, but another name, is an earlier process's.
        const gone = Number.isNaN(pid) || pid === process.pid || !isRunning(pid)
        if (name !== mine && gone) await rm(path.join(parent, name), { recursive: true, force: true })
      }
    },

    remove: () => rm(directory, { recursive: true, force: true }).catch(() => undefined),
  }
}
