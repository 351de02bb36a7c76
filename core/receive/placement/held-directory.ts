import { constants, existsSync } from 'node:fs'
import { lstat } from 'node:fs/promises'
import path from 'node:path'
import { closeFd, openFd, syncDirectory, syncFd } from '../../files/fd.ts'
import { HOLD_DIRECTORY } from '../../files/open-flags.ts'

/** A directory that stays the one that was opened, whatever its name comes to mean. */
export interface Held {
  /** Leads to it; names may be appended. */
  path: string
  /** Makes its entries durable. @throws what the system says. */
  sync(): Promise<void>
  close(): Promise<void>
}

/**
 * Linux alone lets Node work relative to an open directory: /proc/self/fd/N leads to the directory itself
 * (proc_pid_fd(5)), not to what its name means now.
 */
const CAN_HOLD = process.platform === 'linux' && existsSync('/proc/self/fd')

/** How a symbolic link, or a file, is told where a directory is wanted (open(2), O_NOFOLLOW and O_DIRECTORY). */
export const NO_DIRECTORY: ReadonlySet<string> = new Set(['ENOTDIR', 'ELOOP'])

async function holdByName(directory: string): Promise<Held> {
  const stats = await lstat(directory)
  if (!stats.isDirectory()) throw Object.assign(new Error(`no directory: ${directory}`), { code: 'ENOTDIR' })
  return { path: directory, sync: () => syncDirectory(directory), close: async () => undefined }
}

async function open(directory: string, flags: number): Promise<Held> {
  const fd = await openFd(directory, flags)
  return { path: `/proc/self/fd/${fd}`, sync: () => syncFd(fd), close: () => closeFd(fd) }
}

/**
 * Opens a directory; the caller closes it. Where the system cannot hold one, its name is looked at and then used.
 * @throws what the system says; one of NO_DIRECTORY for what is none, a symbolic link included.
 */
export const hold = (directory: string): Promise<Held> =>
  CAN_HOLD ? open(directory, HOLD_DIRECTORY) : holdByName(directory)

/** The store's root may be a symbolic link: it is the administrator's own. */
export const holdRoot = (root: string): Promise<Held> =>
  CAN_HOLD
    ? open(root, constants.O_RDONLY | (constants.O_DIRECTORY ?? 0))
    : Promise.resolve({ path: root, sync: () => syncDirectory(root), close: async () => undefined })

/**
 * Opens an existing directory below `root` step by step, so that no symbolic link is followed on the way even if it
 * is put there meanwhile. The caller closes it.
 */
export async function holdBelow(root: string, components: readonly string[]): Promise<Held> {
  let held = await holdRoot(root)
  for (const component of components) {
    const above = held
    try {
      held = await hold(path.join(above.path, component))
    } finally {
      await above.close()
    }
  }
  return held
}
