import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { Problem } from '../../words/problem.ts'
import type { StoreLayout } from '../layout.ts'
import { readManifestFile } from '../manifest/file.ts'
import type { Rows } from '../manifest/rows.ts'
import { openRows } from '../manifest/rows.ts'
import type { ReadCalls } from '../messages.ts'
import { contentsPage } from './contents.ts'
import { entriesPage, foldersOf } from './entries.ts'
import { readRanges } from './ranges.ts'

type Input<K extends keyof ReadCalls> = ReadCalls[K]['input']

/**
 * Looks through what a store has of one sender, beside whoever writes it. Every call blocks.
 * Every call throws Problem store.manifestNone where there is no manifest that can be read.
 */
export function openStoreReader(layout: StoreLayout) {
  let open: { database: DatabaseSyncInstance; rows: Rows } | null = null

  const rowsNow = (): Rows => {
    if (open !== null) return open.rows
    const database = readManifestFile(layout.manifest)
    if (database === null)
      throw new Problem('store.manifestNone', { path: layout.manifest, store: layout.root })
    open = { database, rows: openRows(database) }
    return open.rows
  }

  return {
    /** Directories of the sender's sources. */
    folders: ({ sender }: Input<'folders'>) => foldersOf(rowsNow(), sender),
    entries: ({ sender, asked }: Input<'entries'>) => entriesPage(rowsNow(), sender, asked),
    contents: ({ sender, asked }: Input<'contents'>) => contentsPage(rowsNow(), sender, asked),
    ranges: ({ sender, job }: Input<'ranges'>) => readRanges(layout, rowsNow(), sender, job),
    /** Closes what is open, so that the disk can be unmounted; the next call opens it again. */
    rest() {
      open?.database.close()
      open = null
      return null
    },
  }
}
