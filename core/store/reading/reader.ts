import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { Problem } from '../../words/problem.ts'
import type { StoreLayout } from '../layout.ts'
import { readManifestFile } from '../manifest/file.ts'
import type { Rows } from '../manifest/rows.ts'
import { openRows } from '../manifest/rows.ts'
import type { ContentsPage, ContentsQuestion } from './contents.ts'
import { contentsPage } from './contents.ts'
import type { EntriesPage, EntriesQuestion } from './entries.ts'
import { entriesPage, foldersOf } from './entries.ts'
import type { RangesJob, RangesRead } from './ranges.ts'
import { readRanges } from './ranges.ts'

/** Looks through what a store has of one sender, beside whoever writes it. Every call blocks. */
export interface StoreReader {
  /** Directories of the sender's sources. */
  folders(sender: string): string[]
  entries(sender: string, asked: EntriesQuestion): EntriesPage
  contents(sender: string, asked: ContentsQuestion): ContentsPage
  ranges(sender: string, job: RangesJob): RangesRead
  /** Closes what is open, so that the disk can be unmounted; the next call opens it again. */
  rest(): void
}

/** Every call throws Problem store.manifestNone where there is no manifest that can be read. */
export function openStoreReader(layout: StoreLayout): StoreReader {
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
    folders: (sender) => foldersOf(rowsNow(), sender),
    entries: (sender, asked) => entriesPage(rowsNow(), sender, asked),
    contents: (sender, asked) => contentsPage(rowsNow(), sender, asked),
    ranges: (sender, job) => readRanges(layout, rowsNow(), sender, job),
    rest() {
      open?.database.close()
      open = null
    },
  }
}
