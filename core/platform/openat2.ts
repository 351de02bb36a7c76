import { closeSync, constants, lstatSync, openSync, realpathSync } from 'node:fs'
import { lstat, realpath } from 'node:fs/promises'
import pathTo from 'node:path'
import { defer } from '../defer.ts'
import { closeFd, closeQuietly, HOLD_DIRECTORY, openFd } from './fd.ts'
import { native } from './native.ts'
import { errorCode } from './system-error.ts'

// Finds files below a directory without following a symbolic link in any component. Otherwise a user who may rename
// files there could redirect an access to any other file, at any moment.

/** Creates the system's error for a symbolic link that may not be followed. */
function linkFound(file: string): Error {
  return Object.assign(new Error(`ELOOP: a symbolic link, open '${file}'`), { code: 'ELOOP' })
}

function splitPath(path: string): string[] {
  const parts = path.split('/')
  if (parts.some((part) => part === '' || part === '.' || part === '..'))
    throw Object.assign(new Error(`EINVAL: not a plain path '${path}'`), { code: 'EINVAL' })
  return parts
}

/** True if names can be looked up in an open directory (proc_pid_fd(5)). */
const CAN_HOLD = process.platform === 'linux'
/** open(2) of macOS: no component of a path may be a symbolic link. The root's own links are resolved before. */
const O_NOFOLLOW_ANY = 0x20000000
const NOFOLLOW = process.platform === 'darwin' ? O_NOFOLLOW_ANY : 0

/**
 * Opens a file below a directory. The path of the root itself may contain symbolic links.
 * @param path relative, with "/", and without "." and "..".
 * @throws the system error: ELOOP or ENOTDIR if a component is a symbolic link.
 */
export async function openBeneath(root: string, path: string, flags: number): Promise<number> {
  const parts = splitPath(path)
  const name = parts.pop() ?? ''
  if (!CAN_HOLD) {
    await requireNoLinks(root, parts)
    const base = NOFOLLOW === 0 ? root : await realpath(root)
    return openFd(pathTo.join(base, path), flags | NOFOLLOW | (constants.O_NOFOLLOW ?? 0))
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

/** Checks the components on systems without such calls. A component could still be replaced between check and use. */
async function requireNoLinks(root: string, parts: readonly string[]): Promise<void> {
  if (NOFOLLOW !== 0) return
  let at = root
  for (const part of parts) {
    at = pathTo.join(at, part)
    if ((await lstat(at)).isSymbolicLink()) throw linkFound(at)
  }
}

/**
 * Opens a file like `openBeneath`, with blocking calls, below an open directory: for threads.
 * @param root its path, for systems that cannot look names up in an open directory.
 */
export function openBeneathSync(directory: number, root: string, path: string, flags: number): number {
  try {
    // A single call for the whole path.
    const opened = (CAN_HOLD ? native?.openat2(directory, path, flags) : null) ?? null
    if (opened !== null) return opened
  } catch (error) {
    // A component was moved out of the directory during the call (openat2(2)).
    if (errorCode(error) !== 'EXDEV') throw error
    throw Object.assign(new Error(`ENOENT: moved away, open '${path}'`), { code: 'ENOENT' })
  }
  const parts = splitPath(path)
  const name = parts.pop() ?? ''
  if (!CAN_HOLD) {
    let at = root
    for (const part of parts) {
      at = pathTo.join(at, part)
      if (NOFOLLOW === 0 && lstatSync(at).isSymbolicLink()) throw linkFound(at)
    }
    const base = NOFOLLOW === 0 ? root : realpathSync(root)
    return openSync(pathTo.join(base, path), flags | NOFOLLOW | (constants.O_NOFOLLOW ?? 0))
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

/** A directory below a root, opened without following symbolic links; for blocking calls. */
export interface HeldDirectory {
  /** Refers to this directory even if it is renamed; names may be appended. */
  path: string
  close(): void
}

/**
 * Opens a directory below a root.
 * @param root its path; it is opened for each call.
 * @param path relative, with "/"; '' is the root itself.
 * @throws the system error.
 */
export function holdDirectorySync(root: string, path: string): HeldDirectory {
  if (!CAN_HOLD) {
    if (path !== '') closeSync(openBeneathSync(-1, root, path, constants.O_RDONLY))
    return { path: path === '' ? root : pathTo.join(root, path), close: () => undefined }
  }
  const base = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY)
  if (path === '') return held(base)
  using _ = defer(() => closeSync(base))
  return held(openBeneathSync(base, root, path, HOLD_DIRECTORY))
}

function held(fd: number): HeldDirectory {
  return { path: `/proc/self/fd/${fd}`, close: () => closeSync(fd) }
}

/** Opens a directory like `holdDirectorySync`, with calls of libuv's pool. */
export async function holdDirectory(
  root: string,
  path: string,
): Promise<{ path: string; close(): Promise<void> }> {
  if (!CAN_HOLD) {
    await requireNoLinks(root, path === '' ? [] : splitPath(path))
    return { path: path === '' ? root : pathTo.join(root, path), close: async () => undefined }
  }
  const fd =
    path === ''
      ? await openFd(root, constants.O_RDONLY | constants.O_DIRECTORY)
      : await openBeneath(root, path, HOLD_DIRECTORY)
  return { path: `/proc/self/fd/${fd}`, close: () => closeQuietly(fd) }
}
