import { statSync } from 'node:fs'
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { openIncidentEvents, readIncidentEvents } from '../alerts/store/database.ts'
import { type EventSpan, eventSpan, openEventsForReading, readEvents } from '../ledger/events.ts'
import { EVENT } from '../ledger/ledger-messages.ts'
import type { DataLayout } from '../settings/data-directory.ts'
import {
  type Cursor,
  type EventFilter,
  isTimeCursor,
  isWanted,
  parseIncident,
  type ReadEvent,
} from './cloud-event.ts'

/** Rows of each log that one call reads. */
export const MOST_READ = 1_000

export interface EventPage {
  events: ReadEvent[]
  /** The place at which the page begins: the given one, unless it was ahead of the newest event. */
  start: Cursor
  /** The place behind the page. */
  cursor: Cursor
  /** True if there are more events now. */
  more: boolean
}

/**
 * Reads the log of files in the ledger and that of incidents in the database of alerts, as one. Needs no agent. Calls
 * of SQLite block while the disk hangs.
 */
export class EventReader {
  readonly #ledger: Opened
  readonly #incidents: Opened

  constructor({ ledger, alerts }: Pick<DataLayout, 'ledger' | 'alerts'>) {
    this.#ledger = new Opened(ledger, openEventsForReading)
    this.#incidents = new Opened(alerts, openIncidentEvents)
  }

  /**
   * Returns the wanted events behind a place, in their order; reads at most `limit` rows.
   * @throws system errors and errors of SQLite; the next call opens the files again
   */
  read(from: Cursor, filter: EventFilter, limit = MOST_READ): EventPage {
    const after = this.#findStart(from)
    const rows = this.#ledger.use([], (database) => readEvents(database, after.ledger, limit))
    const ended = this.#incidents.use([], (database) => readIncidentEvents(database, after.incidents, limit))
    const merged = mergeByTime(
      rows.map((row) => ({ at: row.at, seq: row.seq, row })),
      ended.map((incident) => ({ at: incident.at, seq: incident.seq, incident })),
    )
    const events: ReadEvent[] = []
    let cursor = after
    for (const one of merged.slice(0, limit)) {
      if ('row' in one) {
        cursor = { ...cursor, ledger: one.seq }
        // A gap takes nothing from a reader that begins with the first row.
        const isBeginning = one.row.type === EVENT.gap && from.ledger === 0
        if (!isBeginning && one.row.type !== EVENT.opened)
          events.push({ log: 'ledger', row: one.row, cursor })
      } else {
        cursor = { ...cursor, incidents: one.seq }
        const { type, facts, seq, at } = one.incident
        if (type !== 'created')
          events.push({ log: 'incidents', seq, at, type, incident: parseIncident(facts), cursor })
      }
    }
    return {
      events: events.filter((event) => isWanted(event, filter)),
      start: after,
      cursor,
      more: merged.length > limit || rows.length === limit || ended.length === limit,
    }
  }

  close(): void {
    this.#ledger.close()
    this.#incidents.close()
  }

  /**
   * Returns the place at which a page begins. Of a time ahead of the newest event it is the newest event. Another place
   * ahead of it is of a log that was replaced, or taken back by a power failure: all events of the present log follow.
   */
  #findStart(from: Cursor): Cursor {
    // Without a file, the place stays: it may be missing for a moment, and a new one begins at the time of then.
    const none = { before: Number.POSITIVE_INFINITY, last: Number.POSITIVE_INFINITY }
    const isTime = isTimeCursor(from)
    const find = (place: number, { before, last }: EventSpan) =>
      place <= last ? place : isTime ? last : before
    return {
      ledger: find(from.ledger, this.#ledger.use(none, eventSpan)),
      incidents: find(from.incidents, this.#incidents.use(none, eventSpan)),
    }
  }
}

/** Merges two lists by their times; the order within each list stays. */
function mergeByTime<A extends { at: number }, B extends { at: number }>(
  first: readonly A[],
  second: readonly B[],
): (A | B)[] {
  const merged: (A | B)[] = []
  let next = 0
  for (const one of first) {
    for (let other = second[next]; other !== undefined && other.at < one.at; other = second[next]) {
      merged.push(other)
      next += 1
    }
    merged.push(one)
  }
  return [...merged, ...second.slice(next)]
}

/** A database that is opened when it is there, and again after an error, or when another file has its name. */
class Opened {
  readonly #file: string
  readonly #open: (file: string) => DatabaseSyncInstance | null
  #database: DatabaseSyncInstance | null = null
  #inode = 0n

  constructor(file: string, open: (file: string) => DatabaseSyncInstance | null) {
    this.#file = file
    this.#open = open
  }

  /** @returns `none` if there is no such file yet. */
  use<T>(none: T, read: (database: DatabaseSyncInstance) => T): T {
    const inode = statSync(this.#file, { bigint: true, throwIfNoEntry: false })?.ino ?? 0n
    if (inode !== this.#inode) this.close()
    this.#inode = inode
    try {
      this.#database ??= inode === 0n ? null : this.#open(this.#file)
      return this.#database === null ? none : read(this.#database)
    } catch (error) {
      this.close()
      throw error
    }
  }

  close(): void {
    this.#database?.close()
    this.#database = null
  }
}
