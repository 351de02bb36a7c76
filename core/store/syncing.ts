import { closeSync, constants, fsync, fsyncSync, openSync } from 'node:fs'
import { promisify } from 'node:util'
import { syncWhole } from '../platform/libc.ts'
import type { StoreLayout } from './layout.ts'
import type { Handles } from './open-store.ts'
import { FileRefused, type Outcome, toOutcome } from './outcome.ts'
import type { ToPlace } from './store-messages.ts'

/** Files that are synced at the same time, in libuv's thread pool. */
const SYNCS_AT_ONCE = 64
/**
 * Numbers of files and bytes from which the whole file system is synced at once. That also writes recent data of other
 * programs, which costs more than syncing a few files one by one.
 */
const WHOLE_FILES = 16
const WHOLE_BYTES = 4 * 1024 * 1024

const syncFd = promisify(fsync)

/**
 * Makes a round durable: its contents before they get names, then the names together with the manifest's rows.
 * Every call throws the disk's write errors.
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
    /** @returns the files that are not durable, with the reason; throws if the error cannot be assigned to a file. */
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
          failed.set(file, toOutcome(error))
        }
      }
      for (let at = 0; at < open.length; at += SYNCS_AT_ONCE)
        await Promise.all(open.slice(at, at + SYNCS_AT_ONCE).map(syncOne))
      return failed
    },
    /** @param directories with changed entries, as names joined by "/"; '' is the root. */
    names(directories: ReadonlySet<string>) {
      if (isWhole) return syncWhole(root)
      for (const directory of directories) {
        try {
          tree.sync(directory === '' ? [] : directory.split('/'))
        } catch (error) {
          // The directory was replaced by a symbolic link after its files were named: it cannot be synced.
          if (!(error instanceof FileRefused)) throw error
        }
      }
      if (isLogged) syncLog(layout)
    },
  }
}

/** Syncs the manifest's write-ahead log, so that its commits are durable. */
export function syncLog({ manifest }: StoreLayout): void {
  const fd = openSync(`${manifest}-wal`, constants.O_RDONLY)
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
