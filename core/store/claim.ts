import { stat } from 'node:fs/promises'
import path from 'node:path'
import { makeDirectories } from '../files/make-directories.ts'
import { errorCode } from '../files/system-error.ts'
import { Problem } from '../words/problem.ts'
import { lockDirectory } from '../worker/directory-lock.ts'
import type { StoreLayout } from './layout.ts'
import { storeLayout } from './layout.ts'

type Log = (level: 'warn', message: string) => void

async function prepareStore(directory: string): Promise<void> {
  try {
    await makeDirectories(directory, 0o700)
  } catch (thrown) {
    const code = errorCode(thrown)
    // A store that exists but has become read-only still lets the receiver say so to its senders.
    if (code === 'EROFS') return
    throw new Problem('transfer.storeMissing', { path: directory, reason: code ?? String(thrown) })
  }
}

const isThere = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  )

/** The store that a directory is in; null: in none. A new one has no manifest yet, but its receiver has said where it is. */
export async function storeAbove(directory: string): Promise<string | null> {
  for (let at = directory, above = path.dirname(at); above !== at; at = above, above = path.dirname(at)) {
    const { manifest, receiver } = storeLayout(above)
    if ((await isThere(manifest)) || (await isThere(receiver))) return above
  }
  return null
}

/** A new store within another one would be that one's unknown files, its private key among them. */
async function refuseInside({ root, own }: StoreLayout): Promise<void> {
  if (await isThere(own)) return
  const outer = await storeAbove(root)
  if (outer !== null) throw new Problem('transfer.storeInside', { path: root, outer })
}

/** Two receivers would overwrite each other's list of senders. */
function lockStore({ own, root }: StoreLayout, log: Log): { release(): void } {
  let lock: { release(): void } | null
  try {
    lock = lockDirectory(own)
  } catch (thrown) {
    // A store that is read-only, or on a file system without locks, is still better served than not.
    log('warn', `${own} cannot be locked: ${String(thrown)}`)
    return { release: () => undefined }
  }
  if (lock === null) throw new Problem('transfer.storeInUse', { path: root })
  return lock
}

/** S_IWOTH and S_ISVTX of st_mode (inode(7)). */
const WRITABLE_BY_ALL = 0o002
const STICKY = 0o1000

/** Whoever may exchange `.holdfast` for a directory of their own is the store's master; so say it. */
async function warnIfOpen({ root, own }: StoreLayout, log: Log): Promise<void> {
  const mode = process.platform === 'win32' ? 0 : ((await stat(root).catch(() => null))?.mode ?? 0)
  if ((mode & WRITABLE_BY_ALL) === 0 || (mode & STICKY) !== 0) return
  log('warn', `everybody on this computer may rename what is in ${root}, ${own} too: run chmod o-w '${root}'`)
}

/**
 * Makes the store's own directory, and keeps other receivers off it.
 * @throws Problem when the store cannot be used at all, or is in use.
 */
export async function claimStore(layout: StoreLayout, log: Log): Promise<{ release(): void }> {
  await refuseInside(layout)
  await prepareStore(layout.own)
  await warnIfOpen(layout, log)
  return lockStore(layout, log)
}
