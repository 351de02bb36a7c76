import { closeSync, constants, mkdirSync, openSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs'
import path from 'node:path'
import { warnUnlessCode } from '../dropped-errors.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { errorCode } from '../platform/system-error.ts'
import { type FileSystem, tryFileSystem, UNKNOWN_FILE_SYSTEM } from './file-system.ts'
import type { StoreLayout } from './layout.ts'
import { Manifest, openManifestFile, readManifestFile } from './manifest/manifest.ts'
import { openRows } from './manifest/rows.ts'
import { StorageError } from './outcome.ts'
import type { OpenedStore, Remembered } from './store-messages.ts'
import { Tree } from './tree.ts'

/**
 * Size of the manifest's write-ahead log, in pages (32 MiB), from which a commit copies it into the database
 * (sqlite.org/wal.html). A smaller log is copied when the store is closed.
 */
const LOG_PAGES = 8192

/** Resources that the commit thread has open while the store is used. */
export interface Handles {
  manifest: Manifest
  tree: Tree
  /** Opened before the first write, so that it sees every sync error. */
  root: number
  fileSystem: FileSystem
  /** The manifest has a write-ahead log. Without one, as on some network file systems, SQLite syncs each commit. */
  isLogged: boolean
  opened: OpenedStore
}

/** Error code: the manifest was replaced, and all source ids and positions are invalid. The store must be reopened. */
export const REPLACED = 'ESTALE'

function replacedBy(aside: string | null): Error {
  const kept = aside === null ? '' : `; one that could not be read was kept as ${aside}`
  return Object.assign(new Error(`the manifest is another one than before${kept}`), { code: REPLACED })
}

/** Opens the store on use and closes it when idle, so that its disk can be unmounted. Blocks. */
export class StoreHandles {
  readonly #layout: StoreLayout
  #open: Handles | null = null
  #fileSystem = UNKNOWN_FILE_SYSTEM
  readonly remembered: Remembered

  /** @param remembered state of the previous thread; null: this is the first one. */
  constructor(layout: StoreLayout, remembered: Remembered | null) {
    this.#layout = layout
    this.remembered = remembered ?? { home: null, epoch: null, countedAt: monotonicMs() }
  }

  /** @throws system errors; StorageError ENODEV if the disk is not mounted */
  use(): Handles {
    this.#requireHome()
    this.#open ??= this.#openNow()
    this.#countTime(this.#open.manifest)
    return this.#open
  }

  /** Returns the store's totals. A store that is not writable is opened read-only if possible. @throws UserError */
  look(): OpenedStore {
    try {
      const { opened } = this.use()
      removeLeft(this.#layout.temporary)
      return opened
    } catch (thrown) {
      if (thrown instanceof UserError) throw thrown
      return this.#readOnly()
    }
  }

  rest(): void {
    if (this.#open === null) return
    const { manifest, tree, root } = this.#open
    this.#open = null
    tree.close()
    closeSync(root)
    try {
      this.#countTime(manifest)
    } catch (error) {
      warnUnlessCode(error, [], 'the time is not counted; what was committed stays')
    } finally {
      manifest.close()
    }
  }

  /**
   * Checks that the store's own directory is still the same. If the disk disappears (umount -l, a cable), its mount
   * point is an ordinary directory: files written there would land on another disk, and be hidden when the disk is
   * back. The check compares inodes, as a disk that is mounted again may have another device number.
   */
  #requireHome(): void {
    const now = statSync(this.#layout.own, { bigint: true, throwIfNoEntry: false })?.ino ?? null
    this.remembered.home ??= now
    if (now === null || now !== this.remembered.home) throw new StorageError('failed', 'ENODEV')
  }

  #openNow(): Handles {
    const { root: directory, temporary, manifest: file } = this.#layout
    makeTemporary(temporary)
    const { database, aside } = openManifestFile(file)
    try {
      const manifest = new Manifest(database)
      const { epoch } = manifest.rows
      this.remembered.epoch ??= epoch
      if (epoch !== this.remembered.epoch) throw replacedBy(aside)
      const { journal_mode: mode } = database.prepare('PRAGMA journal_mode').get() as { journal_mode: string }
      const isLogged = mode === 'wal'
      database.exec(isLogged ? `PRAGMA wal_autocheckpoint = ${LOG_PAGES}` : 'PRAGMA synchronous = FULL')
      const root = openSync(directory, constants.O_RDONLY)
      // Probes again if an earlier attempt failed.
      if (this.#fileSystem === UNKNOWN_FILE_SYSTEM) this.#fileSystem = tryFileSystem(temporary)
      const fileSystem = this.#fileSystem
      const { hasUnnamed, syncsWhole } = fileSystem
      const opened = { epoch, totals: manifest.rows.totals(), hasUnnamed, syncsWhole, aside }
      return { manifest, tree: new Tree(directory), root, fileSystem, isLogged, opened }
    } catch (thrown) {
      database.close()
      throw thrown
    }
  }

  #countTime(manifest: Manifest): void {
    const now = monotonicMs()
    manifest.passed(now - this.remembered.countedAt)
    this.remembered.countedAt = now
  }

  /** Reads a store that is not writable: its senders are still known, and are informed. */
  #readOnly(): OpenedStore {
    const { hasUnnamed, syncsWhole } = UNKNOWN_FILE_SYSTEM
    const nothing = { hasUnnamed, syncsWhole, aside: null, epoch: null, totals: [] }
    try {
      const database = readManifestFile(this.#layout.manifest)
      if (database === null) return nothing
      const rows = openRows(database)
      const totals = rows.totals()
      this.remembered.epoch ??= rows.epoch
      database.close()
      return { ...nothing, epoch: this.remembered.epoch, totals }
    } catch (error) {
      return warnUnlessCode(error, ['ENOENT'], 'the manifest cannot be read; totals are not known', nothing)
    }
  }
}

/** Returns a time with the same origin in every thread, unlike performance.now(). */
const monotonicMs = (): number => Number(process.hrtime.bigint() / 1_000_000n)

function makeTemporary(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 })
  } catch (thrown) {
    if (errorCode(thrown) !== 'EEXIST') throw thrown
  }
  // Fails here if the disk has become read-only; SQLite would only report that it cannot open a file.
  utimesSync(directory, new Date(), new Date())
}

/** Removes files that a killed process has left. The store's lock excludes other processes. */
function removeLeft(directory: string): void {
  for (const name of readdirSync(directory))
    rmSync(path.join(directory, name), { recursive: true, force: true })
}
