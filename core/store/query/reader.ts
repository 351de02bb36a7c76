import { setTimeout as delay } from 'node:timers/promises'
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { UserError } from '../../lib/i18n/user-error.ts'
import type { StoreLayout } from '../layout.ts'
import { readManifestFile } from '../manifest/file.ts'
import { openRows, ROW_FOLLOWS_MS, type Rows } from '../manifest/rows.ts'
import type { ReadCalls } from '../store-messages.ts'
import { contentsPage } from './contents.ts'
import { entriesPage, foldersOf } from './entries.ts'
import { readRanges } from './ranges.ts'
import { originOf, sourceOf } from './select.ts'

type Input<K extends keyof ReadCalls> = ReadCalls[K]['input']

/** A manifest that nobody reads for so long, in milliseconds, is closed: its disk can be unmounted. */
const REST_MS = 2_000
/** Whether a round is over is looked at this often, in milliseconds. */
const LOOK_MS = 50

/**
 * Looks through what a store has, of one sender or of all (see `originOf`), beside whoever writes it. Every call blocks.
 * Every call throws UserError store.manifestNone where there is no manifest that can be read.
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

  /** Whether a round that is under way may be moving what is asked for. */
  const isMoving = ({ sender, asked: { folder, path } }: Input<'contents'>): boolean => {
    const source = path === null ? null : sourceOf(rowsNow().sources(), originOf(sender, folder, path))
    return source !== null && path !== null && rowsNow().isMoving(source.id, path)
  }

  return {
    /** What the sources are called. */
    folders: ({ sender }: Input<'folders'>) => foldersOf(rowsNow(), sender),
    entries: ({ sender, asked }: Input<'entries'>) => entriesPage(rowsNow(), sender, asked),
    /** The row of a file that was just stored follows it soon, and is waited for. */
    async contents(input: Input<'contents'>) {
      for (let left = ROW_FOLLOWS_MS; left > 0 && isMoving(input); left -= LOOK_MS) await delay(LOOK_MS)
      return contentsPage(rowsNow(), input.sender, input.asked)
    },
    ranges: ({ sender, job }: Input<'ranges'>) => readRanges(layout, rowsNow(), sender, job),
    /** Closes what is open; the next call opens it again. */
    rest,
  }
}
