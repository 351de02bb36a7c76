import { closeSync, constants, mkdirSync, openSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs'
import path from 'node:path'
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { errorCode } from '../files/system-error.ts'
import { Problem } from '../words/problem.ts'
import { isRunning } from '../worker/is-running.ts'
import type { FileSystem } from './file-system.ts'
import { tryFileSystem, UNKNOWN_FILE_SYSTEM } from './file-system.ts'
import type { StoreLayout } from './layout.ts'
import { openManifestFile, readManifestFile } from './manifest/file.ts'
import type { Manifest } from './manifest/manifest.ts'
import { openManifest } from './manifest/manifest.ts'
import { openRows } from './manifest/rows.ts'
import type { Opened } from './messages.ts'
import { FileRefused } from './outcome.ts'
import type { Tree } from './tree.ts'
import { openTree } from './tree.ts'

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
  opened: Opened
}

interface Open extends Handles {
  database: DatabaseSyncInstance
}

/** Opens the store when it is used, and closes it when it rests, so that its disk can be unmounted. Blocks. */
export function createHandles(layout: StoreLayout) {
  /** This process's own directory for files without a place. */
  const own = path.join(layout.temporary, `${process.pid}-${Math.random().toString(36).slice(2)}`)
  let open: Open | null = null
  let fileSystem = UNKNOWN_FILE_SYSTEM
  let home: bigint | null = null
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

  const makeOwn = (): void => {
    for (const directory of [layout.temporary, own]) {
      try {
        mkdirSync(directory, { mode: 0o700 })
      } catch (thrown) {
        if (errorCode(thrown) !== 'EEXIST') throw thrown
      }
    }
    // A disk that is read-only by now says so here; SQLite would only say that it cannot open a file.
    utimesSync(own, new Date(), new Date())
  }

  const openNow = (): Open => {
    makeOwn()
    const { database, aside } = openManifestFile(layout.manifest)
    try {
      const manifest = openManifest(database)
      const { journal_mode: mode } = database.prepare('PRAGMA journal_mode').get() as { journal_mode: string }
      const isLogged = mode === 'wal'
      database.exec(isLogged ? `PRAGMA wal_autocheckpoint = ${LOG_PAGES}` : 'PRAGMA synchronous = FULL')
      const root = openSync(layout.root, constants.O_RDONLY)
      // What could not be tried before is tried again.
      if (fileSystem === UNKNOWN_FILE_SYSTEM) fileSystem = tryFileSystem(own)
      const opened = {
        epoch: manifest.epoch,
        totals: manifest.totals(),
        directory: own,
        hasUnnamed: fileSystem.hasUnnamed,
        syncsWhole: fileSystem.syncsWhole,
        aside,
      }
      return { database, manifest, tree: openTree(layout.root), root, fileSystem, isLogged, opened }
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

  /** What the process has left that was killed. */
  const removeLeft = (): void => {
    for (const name of readdirSync(layout.temporary)) {
      const pid = Number(/^(\d+)-/.exec(name)?.[1])
      // A directory with this process's own number, but another name, is an earlier process's.
      const isLeft = Number.isNaN(pid) || pid === process.pid || !isRunning(pid)
      if (path.join(layout.temporary, name) !== own && isLeft)
        rmSync(path.join(layout.temporary, name), { recursive: true, force: true })
    }
  }

  /** A store that is read-only still knows its senders, and tells them so. */
  const readOnly = (): Opened => {
    const { hasUnnamed, syncsWhole } = UNKNOWN_FILE_SYSTEM
    const nothing = { directory: own, hasUnnamed, syncsWhole, aside: null, epoch: null, totals: [] }
    try {
      const database = readManifestFile(layout.manifest)
      if (database === null) return nothing
      const rows = openRows(database)
      const totals = rows.totals()
      const { epoch } = rows
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
    directory: own,
    use,
    /** What is stored; of a store that cannot be written to, if it can be read. @throws Problem */
    look(): Opened {
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
