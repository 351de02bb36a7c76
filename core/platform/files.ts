import { randomBytes } from 'node:crypto'
import {
  type BigIntStats,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs'
import { link, lstat, mkdir, rename, rm, stat, unlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { defer } from '../defer.ts'
import { ignoreError, warnUnlessCode } from '../dropped-errors.ts'
import { syncDirectory } from './fd.ts'
import { retryInUse, retryInUseSync } from './in-use.ts'
import { errorCode, isGone } from './system-error.ts'

/** Replaces a small file atomically: readers see either the old or the new content, also after a crash. */
export async function replaceFile(file: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`
  try {
    await writeFile(temporary, content, { flag: 'wx', mode, flush: true })
    await retryInUse(() => rename(temporary, file))
  } catch (error) {
    await rm(temporary, { force: true }).catch(ignoreError('the error of the write itself is thrown'))
    throw error
  }
  await syncDirectory(path.dirname(file))
}

/** Like `replaceFile`, for a file that must be written before the next statement. */
export function replaceFileSync(file: string, content: string): void {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`
  try {
    writeFileSync(temporary, content, { flag: 'wx', mode: 0o600, flush: true })
    retryInUseSync(() => renameSync(temporary, file))
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
  if (process.platform === 'win32') return
  const fd = openSync(path.dirname(file), 'r')
  using _ = defer(() => closeSync(fd))
  fsyncSync(fd)
}

/**
 * Opens a small file of the data directory whose loss is acceptable. Errors stop nothing, because the directory's disk
 * may be the one that has just failed.
 * @param isReadOnly nothing is saved or set aside
 */
export function openKeptFile(file: string, isReadOnly = false) {
  let mayWrite = !isReadOnly
  let next: string | null = null
  let writing: Promise<void> | null = null
  const write = async () => {
    for (let now = next; now !== null; now = next) {
      next = null
      await replaceFile(file, now).catch((error) =>
        warnUnlessCode(error, [], 'a small file of the data directory cannot be written'),
      )
    }
    writing = null
  }
  const setAside = (unusable: unknown, reason: string) => {
    if (isReadOnly) return warnUnlessCode(unusable, [], reason)
    try {
      warnUnlessCode(unusable, [], `${reason}; the file was renamed to ${setFileAside(file)}`)
    } catch (error) {
      mayWrite = false
      warnUnlessCode(error, [], `${reason}; nothing is saved to ${file} because it cannot be renamed`)
    }
  }
  return {
    /**
     * Reads the file. An unusable one is renamed, never erased; if that fails, nothing is saved until a restart.
     * @param instead is returned if the file is missing or unusable
     * @param reason as for `warnUnlessCode`
     */
    load<T>(parse: (text: string) => T, instead: T, reason: string): T {
      try {
        return parse(readFileSync(file, 'utf8'))
      } catch (error) {
        if (errorCode(error) !== 'ENOENT') setAside(error, reason)
        return instead
      }
    },
    /**
     * Returns immediately; a thread of the pool writes. If several texts are saved during a write, only the
     * last is written.
     */
    save(text: string) {
      if (!mayWrite) return
      next = text
      writing ??= write()
    },
    /** Resolves when the last text is written, or could not be. */
    saved: () => writing ?? Promise.resolve(),
  }
}

/** Errors of link(2) if the file system has no hard links (FAT, some network file systems), or not this many. */
const NO_HARD_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

export const hasNoHardLinks = (error: unknown): boolean => NO_HARD_LINKS.has(errorCode(error) ?? '')

/**
 * Renames a file to a name that does not exist; false: it exists, and both files stay unchanged. Without hard links, a
 * file that another process creates between the check and the rename can be lost.
 */
export async function moveToFree(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    if (!hasNoHardLinks(error)) throw error
    if ((await lstatOrNull(to)) !== null) return false
    await retryInUse(() => rename(from, to))
    return true
  }
  await retryInUse(() => unlink(from))
  return true
}

/**
 * Renames an unusable file, so that it is kept when a new one is written. Returns its new name.
 * @throws the system error
 */
export function setFileAside(file: string): string {
  const aside = freeName(file, 'set-aside')
  retryInUseSync(() => renameSync(file, aside))
  return aside
}

/** Returns a free name beside the file, so that copies kept earlier are not overwritten. */
export function freeName(file: string, what: 'set-aside' | 'kept'): string {
  const stamp = new Date().toISOString().replace(/[:.]/g, '-')
  for (let count = 0; ; count += 1) {
    const name = file.replace(/\.json$/, `.${what}-${stamp}${count === 0 ? '' : `-${count}`}.json`)
    if (!existsSync(name)) return name
  }
}

/**
 * Creates a directory and its missing parents, level by level. Node's `recursive` reports ENOENT for a read-only file
 * system instead of EROFS, and never ends below /proc, which accepts no directories.
 * @throws the system error.
 */
export async function makeDirectories(directory: string, mode?: number): Promise<void> {
  const there = await stat(directory).catch((error: unknown) => {
    if (!isGone(errorCode(error))) throw error
    return null
  })
  if (there?.isDirectory()) return
  if (there !== null)
    throw Object.assign(new Error(`ENOTDIR: not a directory, mkdir '${directory}'`), { code: 'ENOTDIR' })
  const above = path.dirname(directory)
  // The root of a missing drive has no parent.
  if (above !== directory) await makeDirectories(above, mode)
  await mkdir(directory, { mode }).catch((error: unknown) => {
    if (errorCode(error) !== 'EEXIST') throw error
  })
}

/** lstat(2); null: there is no such file, or a component of the path is missing, or is a file. */
export const lstatOrNull = (file: string): Promise<Stats | null> => orNull(lstat(file))

/** Like `lstatOrNull`, with exact numbers. */
export const lstatExactOrNull = (file: string): Promise<BigIntStats | null> =>
  orNull(lstat(file, { bigint: true }))

async function orNull<S>(stats: Promise<S>): Promise<S | null> {
  try {
    return await stats
  } catch (error) {
    if (isGone(errorCode(error))) return null
    throw error
  }
}
