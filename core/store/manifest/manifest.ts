import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction } from '../../platform/sqlite.ts'
import { versionPrefix } from '../retention/name.ts'
import { Changes, type Moment, type NewFile, prepareChanges } from './changes.ts'
import { type FileRow, openRows, type Rows, type SourceRow } from './rows.ts'
import { type OpenTotals, prepareTotals } from './totals.ts'

/** A round that was begun and not completed: its process was killed, or its transaction failed. */
export interface OpenRound {
  /** Prefix of the names of the versions that it created. */
  version: string
  places: { source: number; path: string }[]
}

type RowPath = Pick<FileRow, 'source' | 'key'>

function prepareStatements(database: DatabaseSyncInstance) {
  return {
    ...prepareChanges(database),
    findSource: database.prepare('SELECT id FROM source WHERE folder = ? AND directory = ?'),
    addSource: database.prepare('INSERT INTO source (folder, directory) VALUES (?, ?)'),
    count: database.prepare('UPDATE store SET position = position + 1'),
    announce: database.prepare('INSERT OR REPLACE INTO round (id, version, places) VALUES (1, ?, ?)'),
    announced: database.prepare('SELECT version, places FROM round'),
    concluded: database.prepare('DELETE FROM round'),
    counters: database.prepare('SELECT position, clock_ms FROM store'),
    tick: database.prepare('UPDATE store SET clock_ms = clock_ms + ?'),
    addWanted: database.prepare('INSERT OR IGNORE INTO wanted (source, key) VALUES (?, ?)'),
    addWantedSince: database.prepare(
      `INSERT OR IGNORE INTO wanted (source, key) SELECT source, key FROM file INDEXED BY file_position
       WHERE source = ? AND position > ? AND version = ''`,
    ),
    listWanted: database.prepare(
      `SELECT source, key FROM wanted JOIN source ON source.id = source WHERE folder = ?
       ORDER BY source, key LIMIT ? OFFSET ?`,
    ),
    pinOne: database.prepare("UPDATE file SET pinned = 1 WHERE source = ? AND key = ? AND version = ''"),
    nextVersions: database.prepare(
      `SELECT DISTINCT source, key FROM file INDEXED BY file_version
       WHERE version <> '' AND (source, key) > (?, ?) ORDER BY source, key LIMIT ?`,
    ),
    forgetOne: database.prepare(
      'DELETE FROM file WHERE source = ? AND key = ? AND version = ? RETURNING size',
    ),
    forgetDirectory: database.prepare('DELETE FROM directory WHERE source = ? AND path = ? AND version = ?'),
  }
}

/** The manifest in the only thread that changes it. Every call may throw errors of SQLite or of the disk. */
export class Manifest {
  readonly rows: Rows
  readonly #database: DatabaseSyncInstance
  readonly #statements: ReturnType<typeof prepareStatements>
  readonly #openTotals: ReturnType<typeof prepareTotals>
  readonly #known = new Map<number, SourceRow>()

  constructor(database: DatabaseSyncInstance) {
    this.rows = openRows(database)
    this.#database = database
    this.#statements = prepareStatements(database)
    this.#openTotals = prepareTotals(database, (source) => this.sourceById(source)?.folder ?? '')
  }

  sourceById(id: number): SourceRow | null {
    if (!this.#known.has(id)) for (const source of this.rows.sources()) this.#known.set(source.id, source)
    return this.#known.get(id) ?? null
  }

  /** Returns the id of a directory of a sender's folder; adds it if it is new. */
  getSourceId(folder: string, directory: string): number {
    return inTransaction(this.#database, () => {
      const found = this.#statements.findSource.get(folder, directory) as { id: number } | undefined
      if (found !== undefined) return found.id
      const id = Number(this.#statements.addSource.run(folder, directory).lastInsertRowid)
      this.#statements.make.run(id, '')
      return id
    })
  }

  /**
   * Runs a round. Records its places, then lets `work` change the disk and record the changes in one transaction. If
   * that fails, or the process is killed, the round stays open: see `openRound`.
   * @param sessions the sessions that sent the files of this round, by folder.
   * @returns the round's position, and the new totals of the changed folders.
   */
  round(
    places: OpenRound['places'],
    sessions: ReadonlyMap<string, string>,
    work: (changes: Changes, version: string) => void,
  ) {
    const { count, announce } = this.#statements
    const { moment, name } = inTransaction(this.#database, () => {
      count.run()
      const begun = this.#now()
      const prefix = versionPrefix(new Date(), begun.position)
      announce.run(prefix, JSON.stringify(places.map(({ source, path }) => [source, path])))
      return { moment: begun, name: prefix }
    })
    const totals = this.#write((changes, sums) => {
      work(changes, name)
      this.#statements.concluded.run()
      for (const [folder, session] of sessions) sums.ofFolder(folder).session = session
    }, moment)
    return { position: moment.position, totals }
  }

  openRound(): OpenRound | null {
    const found = this.#statements.announced.get() as { version: string; places: string } | undefined
    if (found === undefined) return null
    const places = JSON.parse(found.places) as [number, string][]
    return { version: found.version, places: places.map(([source, path]) => ({ source, path })) }
  }

  /** Completes an open round: `work` records what the round has done. */
  concludeRound(work: (changes: Changes) => void): void {
    this.#write((changes) => {
      work(changes)
      this.#statements.concluded.run()
    })
  }

  /** Adds a row for an unknown file. */
  adopt(file: NewFile & Pick<FileRow, 'version' | 'depth'>): void {
    this.#write((changes) => changes.adopt(file))
  }

  /** Returns at most `limit` files that a sender should offer again, skipping the first `after`. */
  wanted(folder: string, after: number, limit: number) {
    return this.#statements.listWanted.all(folder, limit, after) as RowPath[]
  }

  /** Requests a file again from its sender. */
  want(source: number, key: string): void {
    this.#statements.addWanted.run(source, key)
  }

  /** Requests all files again that have changed in a sender's folder since a position. */
  wantSince(folder: string, since: number): void {
    inTransaction(this.#database, () => {
      for (const { id, folder: of } of this.rows.sources())
        if (of === folder) this.#statements.addWantedSince.run(id, since)
    })
  }

  /** Protects a current file from pruning, as its source removes it. Returns false if there is no such file. */
  pin(source: number, key: string): boolean {
    return Number(this.#statements.pinOne.run(source, key).changes) === 1
  }

  /** Returns the next paths after the given one that have older versions. */
  withVersions({ source, key }: RowPath, limit: number) {
    return this.#statements.nextVersions.all(source, key, limit) as RowPath[]
  }

  /** Deletes the rows of files and directories that are no longer on the disk. Returns the changed totals. */
  forget(
    gone: readonly Pick<FileRow, 'source' | 'key' | 'version'>[],
    directories: readonly { source: number; path: string; version: string }[],
  ) {
    const { forgetOne, forgetDirectory } = this.#statements
    return this.#write((_, totals) => {
      for (const { source, key, version } of gone) {
        const found = forgetOne.get(source, key, version) as { size: number } | undefined
        if (found === undefined) continue
        const changed = totals.of(source)
        changed.bytes -= found.size
        changed.names -= version === '' ? 1 : 2
        changed.files -= 1
      }
      for (const { source, path, version } of directories)
        totals.of(source).names -= Number(forgetDirectory.run(source, path, version).changes)
    })
  }

  /** The store's clock: milliseconds for which receivers have run on this store. */
  get clockMs(): number {
    return this.#now().clockMs
  }

  /** Adds the time for which a receiver has run since the last call. */
  passed(ms: number): void {
    this.#statements.tick.run(Math.max(0, Math.round(ms)))
  }

  close(): void {
    this.#database.close()
  }

  #now(): Moment {
    const { counters } = this.#statements
    const { position, clock_ms: clockMs } = counters.get() as { position: number; clock_ms: number }
    return { now: Date.now(), clockMs, position }
  }

  /** Runs `work` in a transaction. Returns the new totals of the changed folders. */
  #write(work: (changes: Changes, totals: OpenTotals) => void, moment?: Moment) {
    return inTransaction(this.#database, () => {
      const totals = this.#openTotals()
      work(new Changes(this.#statements, moment ?? this.#now(), totals), totals)
      return totals.write()
    })
  }
}
