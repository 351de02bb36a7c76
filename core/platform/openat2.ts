import { closeSync, constants, lstatSync, openSync } from 'node:fs'
import { lstat } from 'node:fs/promises'
import pathTo from 'node:path'
import { closeFd, closeQuietly, openFd } from './fd.ts'
import { native } from './native.ts'
import { HOLD_DIRECTORY } from './open-flags.ts'
import { errorCode } from './system-error.ts'

// What lies below a directory, found without following a symbolic link in any part of the way: whoever may rename
// something there could else have any other file taken for it, in whatever moment.

/** What a system says of a symbolic link that may not be followed. */
function linkFound(file: string): Error {
  return Object.assign(new Error(`ELOOP: a symbolic link, open '${file}'`), { code: 'ELOOP' })
}

function partsOf(path: string): string[] {
  const parts = path.split('/')
  if (parts.some((part) => part === '' || part === '.' || part === '..'))
    throw Object.assign(new Error(`EINVAL: not a plain path '${path}'`), { code: 'EINVAL' })
  return parts
}

/** Names can be looked up in a directory that is open (proc_pid_fd(5)). */
const CAN_HOLD = process.platform === 'linux'
/** open(2) of macOS: no part of a path may be a symbolic link. */
const O_NOFOLLOW_ANY = 0x20000000
const NOFOLLOW = process.platform === 'darwin' ? O_NOFOLLOW_ANY : 0

/**
 * Opens a file below a directory. The root itself may be reached by symbolic links.
 * @param path relative, with "/", and without "." and "..".
 * @throws what the system says: ELOOP or ENOTDIR where a part is a symbolic link.
 */
export async function openBeneath(root: string, path: string, flags: number): Promise<number> {
  const parts = partsOf(path)
  const name = parts.pop() ?? ''
  if (!CAN_HOLD) {
    await requireNoLinks(root, parts)
    return openFd(pathTo.join(root, path), flags | NOFOLLOW | (constants.O_NOFOLLOW ?? 0))
  }
  let directory = await openFd(root, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    for (const part of parts) {
      const above = directory
      directory = await openFd(`/proc/self/fd/${above}/${part}`, HOLD_DIRECTORY)
      await closeFd(above)
    }
    return await openFd(`/proc/self/fd/${directory}/${name}`, flags | constants.O_NOFOLLOW)
  } finally {
    await closeQuietly(directory)
  }
}

/** Elsewhere the parts are looked at, and then used: somebody who is quick enough may still exchange one. */
async function requireNoLinks(root: string, parts: readonly string[]): Promise<void> {
  if (NOFOLLOW !== 0) return
  let at = root
  for (const part of parts) {
    at = pathTo.join(at, part)
    if ((await lstat(at)).isSymbolicLink()) throw linkFound(at)
  }
}

/**
 * The same with calls that block, below a directory that is open: for threads.
 * @param root its path, for systems that cannot look names up in an open directory.
 */
export function openBeneathSync(directory: number, root: string, path: string, flags: number): number {
  try {
    // One call for the whole way.
    const opened = (CAN_HOLD ? native?.openat2(directory, path, flags) : null) ?? null
    if (opened !== null) return opened
  } catch (error) {
    // What was passed on the way has been moved out of the directory meanwhile (openat2(2)).
    if (errorCode(error) !== 'EXDEV') throw error
    throw Object.assign(new Error(`ENOENT: moved away, open '${path}'`), { code: 'ENOENT' })
  }
  const parts = partsOf(path)
  const name = parts.pop() ?? ''
  if (!CAN_HOLD) {
    let at = root
    for (const part of parts) {
      at = pathTo.join(at, part)
      if (NOFOLLOW === 0 && lstatSync(at).isSymbolicLink()) throw linkFound(at)
    }
    return openSync(pathTo.join(root, path), flags | NOFOLLOW | (constants.O_NOFOLLOW ?? 0))
  }
  let held = directory
  try {
    for (const part of parts) {
      const above = held
      held = openSync(`/proc/self/fd/${above}/${part}`, HOLD_DIRECTORY)
      if (above !== directory) closeSync(above)
    }
    return openSync(`/proc/self/fd/${held}/${name}`, flags | constants.O_NOFOLLOW)
  } finally {
    if (held !== directory) closeSync(held)
  }
}

/** A directory below a root, found like that; for calls that block. */
export interface HeldDirectory {
  /** Leads to it, whatever its names come to mean; names may be appended. */
  path: string
  close(): void
}

/**
 * @param root its path; it is opened for each call.
 * @param path relative, with "/"; '' is the root itself.
 * @throws what the system says.
 */
export function holdDirectorySync(root: string, path: string): HeldDirectory {
  if (!CAN_HOLD) {
    if (path !== '') closeSync(openBeneathSync(-1, root, path, constants.O_RDONLY))
    return { path: path === '' ? root : pathTo.join(root, path), close: () => undefined }
  }
  const base = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY)
  if (path === '') return held(base)
  try {
    return held(openBeneathSync(base, root, path, HOLD_DIRECTORY))
  } finally {
    closeSync(base)
  }
}

function held(fd: number): HeldDirectory {
  return { path: `/proc/self/fd/${fd}`, close: () => closeSync(fd) }
}

/** The same, with calls of libuv's pool. */
export async function holdDirectory(
  root: string,
  path: string,
): Promise<{ path: string; close(): Promise<void> }> {
  if (!CAN_HOLD) {
    await requireNoLinks(root, path === '' ? [] : partsOf(path))
    return { path: path === '' ? root : pathTo.join(root, path), close: async () => undefined }
  }
  const fd =
    path === ''
      ? await openFd(root, constants.O_RDONLY | constants.O_DIRECTORY)
      : await openBeneath(root, path, HOLD_DIRECTORY)
  return { path: `/proc/self/fd/${fd}`, close: () => closeQuietly(fd) }
}
