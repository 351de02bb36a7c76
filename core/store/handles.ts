import { closeSync, constants, mkdirSync, openSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs'
import path from 'node:path'
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { errorCode } from '../files/system-error.ts'
import { Problem } from '../words/problem.ts'
import type { FileSystem } from './file-system.ts'
import { tryFileSystem, UNKNOWN_FILE_SYSTEM } from './file-system.ts'
import type { StoreLayout } from './layout.ts'
import { openManifestFile, readManifestFile } from './manifest/file.ts'
import type { Manifest } from './manifest/manifest.ts'
import { openManifest } from './manifest/manifest.ts'
import { openRows } from './manifest/rows.ts'
import type { OpenedStore } from './messages.ts'
import { FileRefused } from './outcome.ts'
import { Tree } from './tree.ts'

/**
 * Pages of the manifest's write-ahead log, 32 MiB, from which on a commit copies them into the database
 * (sqlite.org/wal.html); fewer are copied when the store is closed.
 */
const LOG_PAGES = 8192

/** What the commit thread has open while the store is used. */
export interface Handles {
  manifest: Manifest
  tree: Tree
  /** Opened before anything is written: no error of a sync escapes it. */
  root: number
  fileSystem: FileSystem
  /** The manifest has a write-ahead log; else, as on some network file systems, SQLite syncs each commit itself. */
  isLogged: boolean
  opened: OpenedStore
}

interface Open extends Handles {
  database: DatabaseSyncInstance
}

/** What the store has told of sources and positions is of another manifest: it has to be opened anew. */
export const REPLACED = 'ESTALE'

function replacedBy(aside: string | null): Error {
  const kept = aside === null ? '' : `; one that could not be read was kept as ${aside}`
  return Object.assign(new Error(`the manifest is another one than before${kept}`), { code: REPLACED })
}

/** Opens the store when it is used, and closes it when it rests, so that its disk can be unmounted. Blocks. */
export function createHandles(layout: StoreLayout) {
  let open: Open | null = null
  let fileSystem = UNKNOWN_FILE_SYSTEM
  let home: bigint | null = null
  /** The name of the manifest that the store was opened with. */
  let epoch: string | null = null
  let countedAt = performance.now()

  /**
   * The disk can go away under the store (umount -l, a cable), and then what is under its mount point is a directory like
   * any other: what is put there is on another disk, and hidden when the right one is back. A disk that comes back may
   * have another number, but its directories keep their inodes.
   */
  const requireHome = (): void => {
    const now = statSync(layout.own, { bigint: true, throwIfNoEntry: false })?.ino ?? null
    home ??= now
    if (now === null || now !== home) throw new FileRefused('failed', 'ENODEV')
  }

  const makeTemporary = (): void => {
    try {
      mkdirSync(layout.temporary, { mode: 0o700 })
    } catch (thrown) {
      if (errorCode(thrown) !== 'EEXIST') throw thrown
    }
    // A disk that is read-only by now says so here; SQLite would only say that it cannot open a file.
    utimesSync(layout.temporary, new Date(), new Date())
  }

  const openNow = (): Open => {
    makeTemporary()
    const { database, aside } = openManifestFile(layout.manifest)
    try {
      const manifest = openManifest(database)
      epoch ??= manifest.epoch
      if (manifest.epoch !== epoch) throw replacedBy(aside)
      const { journal_mode: mode } = database.prepare('PRAGMA journal_mode').get() as { journal_mode: string }
      const isLogged = mode === 'wal'
      database.exec(isLogged ? `PRAGMA wal_autocheckpoint = ${LOG_PAGES}` : 'PRAGMA synchronous = FULL')
      const root = openSync(layout.root, constants.O_RDONLY)
      // What could not be tried before is tried again.
      if (fileSystem === UNKNOWN_FILE_SYSTEM) fileSystem = tryFileSystem(layout.temporary)
      const opened = {
        epoch: manifest.epoch,
        totals: manifest.totals(),
        hasUnnamed: fileSystem.hasUnnamed,
        syncsWhole: fileSystem.syncsWhole,
        aside,
      }
      return { database, manifest, tree: new Tree(layout.root), root, fileSystem, isLogged, opened }
    } catch (thrown) {
      database.close()
      throw thrown
    }
  }

  const countTime = (manifest: Manifest): void => {
    const now = performance.now()
    manifest.passed(now - countedAt)
    countedAt = now
  }

  /** What an earlier process has left, which was killed: the store is locked by one. */
  const removeLeft = (): void => {
    for (const name of readdirSync(layout.temporary))
      rmSync(path.join(layout.temporary, name), { recursive: true, force: true })
  }

  /** A store that is read-only still knows its senders, and tells them so. */
  const readOnly = (): OpenedStore => {
    const { hasUnnamed, syncsWhole } = UNKNOWN_FILE_SYSTEM
    const nothing = { hasUnnamed, syncsWhole, aside: null, epoch: null, totals: [] }
    try {
      const database = readManifestFile(layout.manifest)
      if (database === null) return nothing
      const rows = openRows(database)
      const totals = rows.totals()
      epoch ??= rows.epoch
      database.close()
      return { ...nothing, epoch, totals }
    } catch {
      return nothing
    }
  }

  /** @throws what the system says, FileRefused ENODEV where the disk is away. */
  const use = (): Handles => {
    requireHome()
    open ??= openNow()
    countTime(open.manifest)
    return open
  }

  return {
    use,
    /** What is stored; of a store that cannot be written to, if it can be read. @throws Problem */
    look(): OpenedStore {
      try {
        const { opened } = use()
        removeLeft()
        return opened
      } catch (thrown) {
        if (thrown instanceof Problem) throw thrown
        return readOnly()
      }
    },
    rest(): void {
      if (open === null) return
      const { database, manifest, tree, root } = open
      open = null
      tree.close()
      closeSync(root)
      try {
        countTime(manifest)
      } finally {
        database.close()
      }
    },
  }
}
