import { closeSync, constants, fsync, fsyncSync, openSync } from 'node:fs'
import { promisify } from 'node:util'
import { syncWhole } from '../platform/libc.ts'
import type { StoreLayout } from './layout.ts'
import type { Handles } from './open-store.ts'
import { FileRefused, type Outcome, outcomeOf } from './outcome.ts'
import type { ToPlace } from './store-messages.ts'

/** Files that are synced at the same time, in libuv's pool. */
const SYNCS_AT_ONCE = 64
/**
 * So many files, or bytes, are worth one sync of the whole file system. It also writes what other programs have written
 * lately, which costs more than to sync a few files one by one.
 */
const WHOLE_FILES = 16
const WHOLE_BYTES = 4 * 1024 * 1024

const syncFd = promisify(fsync)

/**
 * Makes a round durable: its contents before they get names, then the names together with the manifest's rows.
 * Every call throws what the disk says of what was written.
 */
export function createSyncing(
  { root, tree, fileSystem, isLogged }: Handles,
  layout: StoreLayout,
  files: readonly ToPlace[],
) {
  const open = files.filter(({ fd }) => fd !== null)
  const bytes = open.reduce((sum, { facts }) => sum + facts.size, 0)
  const isWhole = fileSystem.syncsWhole && (open.length >= WHOLE_FILES || bytes >= WHOLE_BYTES)

  return {
    /** @returns why single files are not durable; throws where that cannot be told file by file. */
    async contents(): Promise<ReadonlyMap<ToPlace, Outcome>> {
      const failed = new Map<ToPlace, Outcome>()
      if (isWhole) {
        syncWhole(root)
        return failed
      }
      const syncOne = async (file: ToPlace): Promise<void> => {
        try {
          await syncFd(file.fd ?? -1)
        } catch (error) {
          failed.set(file, outcomeOf(error))
        }
      }
      for (let at = 0; at < open.length; at += SYNCS_AT_ONCE)
        await Promise.all(open.slice(at, at + SYNCS_AT_ONCE).map(syncOne))
      return failed
    },
    /** @param directories whose entries have changed, as names joined by "/"; '' is the root. */
    names(directories: ReadonlySet<string>) {
      if (isWhole) return syncWhole(root)
      for (const directory of directories) {
        try {
          tree.sync(directory === '' ? [] : directory.split('/'))
        } catch (error) {
          // Somebody has exchanged it for a link: the files below it are not stored, which their own entries say.
          if (!(error instanceof FileRefused)) throw error
        }
      }
      if (isLogged) syncLog(layout)
    },
  }
}

/** Makes durable what was committed to the manifest. */
export function syncLog({ manifest }: StoreLayout): void {
  const fd = openSync(`${manifest}-wal`, constants.O_RDONLY)
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
