import type { BigIntStats } from 'node:fs'
import { closeSync, constants, lstatSync, openSync } from 'node:fs'
import type { HeldDirectory } from '../../files/beneath.ts'
import { holdDirectorySync } from '../../files/beneath.ts'

/** path_resolution(7): with the terminating NUL. */
const PATH_MAX = 4096
const UTF8_BYTES_A_UNIT = 3

/** Never waits for a FIFO's other end, follows no symbolic link. */
const LOOK = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW | constants.O_NOCTTY

/**
 * Calls on the files of one directory after another, to which no symbolic link leads. The directory stays open until
 * another one is asked for, or `leave`: in a burst the way to it is gone once for many files. The calls block, and throw
 * the system's error.
 */
export class DirectoryFiles {
  #open: { root: string; directory: string; held: HeldDirectory } | null = null

  /** lstat(2) of a file in a directory below a root. */
  status(root: string, directory: string, name: string): BigIntStats {
    return lstatSync(this.#at(root, directory, name), { bigint: true })
  }

  /** Opens it for reading, has it used, and closes it. */
  use<T>(root: string, directory: string, name: string, use: (fd: number) => T): T {
    const fd = openSync(this.#at(root, directory, name), LOOK)
    try {
      return use(fd)
    } finally {
      closeSync(fd)
    }
  }

  /** Lets go of the directory: it may be renamed or unmounted. */
  leave(): void {
    this.#open?.held.close()
    this.#open = null
  }

  #at(root: string, directory: string, name: string): string {
    requireShort(root, directory, name)
    if (this.#open?.root !== root || this.#open.directory !== directory) {
      this.leave()
      this.#open = { root, directory, held: holdDirectorySync(root, directory) }
    }
    return `${this.#open.held.path}/${name}`
  }
}

/** A path that nobody could open as a whole is too long here, too. */
function requireShort(root: string, directory: string, name: string): void {
  const units = root.length + directory.length + 2 + name.length
  if (units * UTF8_BYTES_A_UNIT < PATH_MAX) return
  const path = `${root}/${directory}/${name}`
  if (Buffer.byteLength(path) >= PATH_MAX)
    throw Object.assign(new Error(`ENAMETOOLONG: ${path}`), { code: 'ENAMETOOLONG' })
}
