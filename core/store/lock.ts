import { lstat, readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { dropError, ignoreError, warnUnlessCode } from '../dropped-errors.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { lockDirectory } from '../lib/workers/directory-lock.ts'
import { makeDirectories } from '../platform/files.ts'
import { errorCode } from '../platform/system-error.ts'
import { tryFileSystem } from './file-system.ts'
import { findStoreAround, isThere, OWN_DIRECTORY, type StoreLayout, storeLayout } from './layout.ts'
import { Manifest, openManifestFile, readManifestFile } from './manifest/manifest.ts'
import { orAbsent, requireDirectory } from './outcome.ts'
import { recoverRound } from './recovering.ts'
import { Tree } from './tree.ts'

type Log = (level: 'warn', message: string) => void

async function prepareStore(directory: string): Promise<void> {
  try {
    await makeDirectories(directory, 0o700)
  } catch (thrown) {
    const code = errorCode(thrown)
    // The receiver also starts on a read-only store, to report it to its senders.
    if (code === 'EROFS') return
    throw new UserError('transfer.storeMissing', { path: directory, reason: code ?? String(thrown) })
  }
}

/** Refuses a new store within another one: the outer store would list its files, even the private key, as unknown. */
async function refuseInside({ root, own }: StoreLayout): Promise<void> {
  if (await isThere(own)) return
  const outer = await findStoreAround(root)
  if (outer !== null) throw new UserError('transfer.storeInside', { path: root, outer })
}

/** Locks the store: two receivers would overwrite each other's list of senders. */
function lockStore({ own, root }: StoreLayout, log: Log): { release(): void } {
  let lock: { release(): void } | null
  try {
    lock = lockDirectory(own)
  } catch (thrown) {
    // A store that is read-only, or on a file system without locks, is used without a lock.
    log('warn', `${own} cannot be locked: ${String(thrown)}`)
    return { release: () => undefined }
  }
  if (lock === null) throw new UserError('transfer.storeInUse', { path: root })
  return lock
}

/** S_IWOTH and S_ISVTX of st_mode (inode(7)). */
const WRITABLE_BY_ALL = 0o002
const STICKY = 0o1000

/** Warns if every user may replace `.holdfast` with another directory: such a user controls the store. */
async function warnIfOpen({ root, own }: StoreLayout, log: Log): Promise<void> {
  const mode =
    process.platform === 'win32'
      ? 0
      : ((await stat(root).catch(ignoreError('a store without a directory is refused below', null)))?.mode ??
        0)
  if ((mode & WRITABLE_BY_ALL) === 0 || (mode & STICKY) !== 0) return
  log('warn', `everybody on this computer may rename what is in ${root}, ${own} too: run chmod o-w '${root}'`)
}

/**
 * Creates the store's own directory and locks it against other receivers.
 * @throws UserError if the store cannot be used at all, or is in use
 */
export async function claimStore(layout: StoreLayout, log: Log): Promise<{ release(): void }> {
  await refuseInside(layout)
  await prepareStore(layout.own)
  await warnIfOpen(layout, log)
  return lockStore(layout, log)
}

const hasDirectory = (store: string, file: string): Promise<boolean> =>
  orAbsent(
    store,
    lstat(file).then((stats) => stats.isDirectory()),
  ).then((found) => found === true)

/** Returns a store directly below a directory; null: there is none. */
async function storeBelow(directory: string): Promise<string | null> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(
    ignoreError('the directory cannot be listed, and no store is named in the answer', []),
  )
  for (const entry of entries.slice(0, 1000)) {
    const below = path.join(directory, entry.name)
    const isStore =
      entry.isDirectory() &&
      (await hasDirectory(below, path.join(below, OWN_DIRECTORY)).catch(
        ignoreError('a directory that cannot be entered is no known store', false),
      ))
    if (isStore) return below
  }
  return null
}

/**
 * Returns the layout of a store.
 * @throws UserError if the directory is not a store; it names a store that is found above or directly below
 */
export async function requireStore(directory: string): Promise<StoreLayout> {
  const layout = storeLayout(directory)
  await requireDirectory(layout.root, layout.root)
  if (await hasDirectory(layout.root, layout.own)) return layout
  const above = await findStoreAround(layout.root)
  if (above !== null) throw new UserError('store.inside', { path: layout.root, store: above })
  const below = await storeBelow(layout.root)
  if (below !== null) throw new UserError('store.above', { path: layout.root, store: below })
  throw new UserError('store.notOne', { path: layout.root })
}

/**
 * Opens a store's manifest for reading. If no receiver runs, recovers an interrupted commit first, unless the disk is
 * read-only. `isRunning`: a receiver uses the store, and rows may change while they are read.
 * @throws UserError store.manifestNone if there is no readable manifest
 */
export function openForReading(layout: StoreLayout) {
  const lock = tryLock(layout)
  try {
    if (lock !== 'running') finishRound(layout)
    const database = readManifestFile(layout.manifest)
    if (database === null)
      throw new UserError('store.manifestNone', { path: layout.manifest, store: layout.root })
    return { database, isRunning: lock === 'running' }
  } finally {
    if (typeof lock === 'object') lock?.release()
  }
}

function tryLock({ own }: StoreLayout): { release(): void } | 'running' | null {
  try {
    return lockDirectory(own) ?? 'running'
  } catch (error) {
    return dropError(error, 'a read-only disk, or a file system without locks, is read without a lock', null)
  }
}

function finishRound(layout: StoreLayout): void {
  const found = readManifestFile(layout.manifest)
  const isOpen = found !== null && found.prepare('SELECT 1 FROM round').get() !== undefined
  found?.close()
  if (!isOpen) return
  try {
    const { database } = openManifestFile(layout.manifest)
    const tree = new Tree(layout.root)
    try {
      const manifest = new Manifest(database)
      const open = manifest.openRound()
      if (open !== null)
        recoverRound(open, { layout, tree, manifest, fileSystem: tryFileSystem(layout.temporary) })
    } finally {
      tree.close()
      database.close()
    }
  } catch (error) {
    warnUnlessCode(
      error,
      [],
      'an interrupted commit cannot be recovered; its files are listed as unknown or missing',
    )
  }
}
