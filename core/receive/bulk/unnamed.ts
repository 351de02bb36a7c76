import { constants, readFileSync } from 'node:fs'
import koffi from 'koffi'
import { lastError } from '../../files/lease.ts'

/** open(2), O_TMPFILE: of Linux, where it includes O_DIRECTORY. */
const O_TMPFILE = 0o20000000 | (constants.O_DIRECTORY ?? 0)
const AT_FDCWD = -100
const AT_SYMLINK_FOLLOW = 0x400
const AT_EMPTY_PATH = 0x1000

/**
 * Opens a file that has no name yet, in the file system of a directory. It costs half of what a temporary name and a
 * rename cost, and a receiver that is killed leaves nothing behind. For open(2).
 */
export const UNNAMED = constants.O_WRONLY | O_TMPFILE

/**
 * Gives an unnamed file a name in an open directory (AT_FDCWD: the path is absolute), where nothing has that name yet:
 * linkat(2). @returns the error's name (EEXIST: something is there), or null.
 */
export type NameFile = (descriptor: number, directory: number, name: string) => string | null

export const ANYWHERE = AT_FDCWD

/** linkat(2); returns the error's name, or null. */
export type Link = (
  fromDirectory: number,
  from: string,
  directory: number,
  name: string,
  flags: number,
) => string | null

/** Blocks: for a thread of its own. */
function loadLink(): Link {
  const call: (...words: Parameters<Link>) => number = koffi
    .load(null)
    .func('int linkat(int, const char *, int, const char *, int)')
  return (...words) => (call(...words) === 0 ? null : lastError())
}

/**
 * By its descriptor alone, and as soon as that turns out to be forbidden, which it is before Linux 6.10 to all without
 * CAP_DAC_READ_SEARCH, through /proc/self/fd.
 */
export function openNameFile(link: Link = loadLink()): NameFile {
  let byDescriptor = true
  const byPath: NameFile = (descriptor, directory, name) =>
    link(AT_FDCWD, `/proc/self/fd/${descriptor}`, directory, name, AT_SYMLINK_FOLLOW)
  return (descriptor, directory, name) => {
    if (!byDescriptor) return byPath(descriptor, directory, name)
    const code = link(descriptor, '', directory, name, AT_EMPTY_PATH)
    if (code !== 'ENOENT') return code
    // Either that, or the directory is gone.
    const otherwise = byPath(descriptor, directory, name)
    byDescriptor = otherwise !== null
    return otherwise
  }
}

/** Of the files that a process may have open, so many may be without a name. */
const SHARE = 4
const MOST = 8192
/** What a process may have open where nobody says how many. */
const USUAL_LIMIT = 1024

/** How many unnamed files may be open at a time. Blocks for an instant: /proc is no disk. */
export function mostUnnamed(): number {
  let limits = ''
  try {
    limits = readFileSync('/proc/self/limits', 'utf8')
  } catch {
    // As on a system without it.
  }
  const found = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? USUAL_LIMIT)
  return Math.min(MOST, Math.floor(found / SHARE))
}
