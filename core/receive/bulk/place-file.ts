import koffi from 'koffi'
import { lastError } from '../../wire/lease.ts'

const AT_FDCWD = -100
const RENAME_NOREPLACE = 1

/**
 * Gives a file its name in an open directory, where nothing has that name yet: renameat2(2), of Linux, which looks and
 * renames in one. @returns the error's name (EEXIST: something is there), or null.
 */
export type PlaceFile = (from: string, directory: number, name: string) => string | null

/** Loads the call; where there is none, every file goes the long way. Blocks: for a thread of its own. */
export function openPlaceFile(): PlaceFile {
  try {
    return loadPlaceFile()
  } catch {
    return () => 'ENOSYS'
  }
}

function loadPlaceFile(): PlaceFile {
  const rename: (
    fromDirectory: number,
    from: string,
    directory: number,
    name: string,
    flags: number,
  ) => number = koffi.load(null).func('int renameat2(int, const char *, int, const char *, unsigned int)')
  return (from, directory, name) =>
    rename(AT_FDCWD, from, directory, name, RENAME_NOREPLACE) === 0 ? null : lastError()
}
