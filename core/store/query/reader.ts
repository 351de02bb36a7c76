import { setTimeout as delay } from 'node:timers/promises'
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { UserError } from '../../lib/i18n/user-error.ts'
import type { StoreLayout } from '../layout.ts'
import { readManifestFile } from '../manifest/manifest.ts'
import { openRows, ROW_FOLLOWS_MS, type Rows } from '../manifest/rows.ts'
import type { ReadCalls } from '../store-messages.ts'
import {
  contentsPage,
  countsPage,
  entriesPage,
  findSource,
  listFolders,
  parseOrigin,
  readRanges,
} from './query.ts'

type Input<K extends keyof ReadCalls> = ReadCalls[K]['input']

/** Idle time in milliseconds after which the manifest is closed, so that its disk can be unmounted. */
const REST_MS = 2_000
/** Interval in milliseconds for checking if a round has ended. */
const LOOK_MS = 50

/**
 * Opens a store for listing and reading, for one sender or for all (see `parseOrigin`), also while it is written. Every
 * call blocks. Every call throws UserError store.manifestNone if there is no readable manifest.
 */
export function openStoreReader(layout: StoreLayout) {
  let open: { database: DatabaseSyncInstance; rows: Rows } | null = null
  let resting: NodeJS.Timeout | undefined

  const rest = () => {
    clearTimeout(resting)
    open?.database.close()
    open = null
  }

  const rowsNow = (): Rows => {
    clearTimeout(resting)
    resting = setTimeout(rest, REST_MS).unref()
    if (open !== null) return open.rows
    const database = readManifestFile(layout.manifest)
    if (database === null)
      throw new UserError('store.manifestNone', { path: layout.manifest, store: layout.root })
    open = { database, rows: openRows(database) }
    return open.rows
  }

  /** True if a running round may be moving the requested path. */
  const isMoving = ({ sender, asked: { folder, path } }: Input<'contents'>): boolean => {
    const source = path === null ? null : findSource(rowsNow().sources(), parseOrigin(sender, folder, path))
    return source !== null && path !== null && rowsNow().isMoving(source.id, path)
  }

  return {
    /** Returns the names of the sources. */
    folders: ({ sender }: Input<'folders'>) => listFolders(rowsNow(), sender),
    entries: ({ sender, asked }: Input<'entries'>) => entriesPage(rowsNow(), sender, asked),
    counts: ({ sender, asked }: Input<'counts'>) => countsPage(rowsNow(), sender, asked),
    /** Returns a page of files. Waits for the row of a file that was stored a moment ago. */
    async contents(input: Input<'contents'>) {
      for (let left = ROW_FOLLOWS_MS; left > 0 && isMoving(input); left -= LOOK_MS) await delay(LOOK_MS)
      return contentsPage(rowsNow(), input.sender, input.asked)
    },
    ranges: ({ sender, job }: Input<'ranges'>) => readRanges(layout, rowsNow(), sender, job),
    /** Closes the manifest; the next call opens it again. */
    rest,
  }
}
