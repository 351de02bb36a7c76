import { lstat, readdir } from 'node:fs/promises'
import path from 'node:path'
import { Problem } from '../words/problem.ts'
import { lockDirectory } from '../worker/directory-lock.ts'
import { storeAbove } from './claim.ts'
import { tryFileSystem } from './file-system.ts'
import type { StoreLayout } from './layout.ts'
import { OWN_DIRECTORY, storeLayout } from './layout.ts'
import { openManifestFile, readManifestFile } from './manifest/file.ts'
import { openManifest } from './manifest/manifest.ts'
import { orAbsent, requireDirectory } from './problems.ts'
import { recoverRound } from './recovering.ts'
import { openTree } from './tree.ts'

const isThere = (store: string, file: string): Promise<boolean> =>
  orAbsent(
    store,
    lstat(file).then((stats) => stats.isDirectory()),
  ).then((found) => found === true)

/** A store right below a directory; null: there is none. */
async function storeBelow(directory: string): Promise<string | null> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => [])
  for (const entry of entries.slice(0, 1000)) {
    const below = path.join(directory, entry.name)
    const isStore =
      entry.isDirectory() && (await isThere(below, path.join(below, OWN_DIRECTORY)).catch(() => false))
    if (isStore) return below
  }
  return null
}

/**
 * Makes sure that a directory is a store, and not one in it or above it.
 * @throws Problem that says where the store is.
 */
export async function requireStore(directory: string): Promise<StoreLayout> {
  const layout = storeLayout(directory)
  await requireDirectory(layout.root, layout.root)
  if (await isThere(layout.root, layout.own)) return layout
  const above = await storeAbove(layout.root)
  if (above !== null) throw new Problem('store.inside', { path: layout.root, store: above })
  const below = await storeBelow(layout.root)
  if (below !== null) throw new Problem('store.above', { path: layout.root, store: below })
  throw new Problem('store.none', { path: layout.root, reason: 'ENOENT' })
}

/**
 * Opens what a store's manifest says, beside a receiver that may run: what is read may change then. Where none runs, what
 * the last one has left unfinished is finished first; a disk that is read-only keeps it.
 * @throws Problem store.manifestNone where there is no manifest that can be read.
 */
export function openForReading(layout: StoreLayout) {
  const lock = tryLock(layout)
  try {
    if (lock !== 'running') finishRound(layout)
    const database = readManifestFile(layout.manifest)
    if (database === null)
      throw new Problem('store.manifestNone', { path: layout.manifest, store: layout.root })
    return { database, isRunning: lock === 'running' }
  } finally {
    if (typeof lock === 'object') lock?.release()
  }
}

function tryLock({ own }: StoreLayout): { release(): void } | 'running' | null {
  try {
    return lockDirectory(own) ?? 'running'
  } catch {
    // A read-only disk, or a file system without locks.
    return null
  }
}

function finishRound(layout: StoreLayout): void {
  const found = readManifestFile(layout.manifest)
  const isOpen = found !== null && found.prepare('SELECT 1 FROM round').get() !== undefined
  found?.close()
  if (!isOpen) return
  try {
    const { database } = openManifestFile(layout.manifest)
    const tree = openTree(layout.root)
    try {
      const manifest = openManifest(database)
      const open = manifest.openRound()
      if (open !== null)
        recoverRound(open, { layout, tree, manifest, fileSystem: tryFileSystem(layout.temporary) })
    } finally {
      tree.close()
      database.close()
    }
  } catch {
    // What it has left will be told as unknown or missing.
  }
}
