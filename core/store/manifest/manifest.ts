import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction } from '../../platform/sqlite.ts'
import { versionPrefix } from '../retention/name.ts'
import { Changes, type Moment, type NewFile, prepareChanges } from './changes.ts'
import { type FileRow, openRows, type Rows, type SourceRow } from './rows.ts'
import { type OpenTotals, prepareTotals } from './totals.ts'

/** A round that was begun, and not brought to its end: its process was killed. */
export interface OpenRound {
  /** The beginning of the names of the versions that it made. */
  version: string
  places: { source: number; path: string }[]
}

type PathOf = Pick<FileRow, 'source' | 'key'>

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
    wantedOf: database.prepare(
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

/** The manifest as the one thread that changes it has it. Every call may throw what SQLite or the disk says. */
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

  /** The number of a directory of a sender's folder; made if it is new. */
  sourceOf(folder: string, directory: string): number {
    return inTransaction(this.#database, () => {
      const found = this.#statements.findSource.get(folder, directory) as { id: number } | undefined
      if (found !== undefined) return found.id
      const id = Number(this.#statements.addSource.run(folder, directory).lastInsertRowid)
      this.#statements.make.run(id, '')
      return id
    })
  }

  /**
   * One round: `work` changes the disk, and says so. Its places are written down before; what it did is, in one
   * transaction, after it. Where that fails, or the process is killed, the round stays open: see `openRound`.
   * @param sessions those that have sent what it stores, by folder.
   * @returns what the folders that have changed hold now.
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

  /** Brings an open round to its end: `work` says what it had done. */
  concludeRound(work: (changes: Changes) => void): void {
    this.#write((changes) => {
      work(changes)
      this.#statements.concluded.run()
    })
  }

  /** Writes down a content that the manifest does not know. */
  adopt(file: NewFile & Pick<FileRow, 'version' | 'depth'>): void {
    this.#write((changes) => changes.adopt(file))
  }

  /** What there is to be offered again of a sender, at most `limit`, behind `after`. */
  wanted(folder: string, after: number, limit: number) {
    return this.#statements.wantedOf.all(folder, limit, after) as PathOf[]
  }

  /** Has the content of a place offered again. */
  want(source: number, key: string): void {
    this.#statements.addWanted.run(source, key)
  }

  /** Has what has changed in a sender's folder since a position offered again. */
  wantSince(folder: string, since: number): void {
    inTransaction(this.#database, () => {
      for (const { id, folder: of } of this.rows.sources())
        if (of === folder) this.#statements.addWantedSince.run(id, since)
    })
  }

  /** The content in its place is never pruned from now on: it is not at the source any more. False: there is none. */
  pin(source: number, key: string): boolean {
    return Number(this.#statements.pinOne.run(source, key).changes) === 1
  }

  /** Paths that have older contents, the next ones behind `after`. */
  withVersions({ source, key }: PathOf, limit: number) {
    return this.#statements.nextVersions.all(source, key, limit) as PathOf[]
  }

  /** Forgets contents and directories that are on the disk no more. The totals of their folder. */
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

  /** Milliseconds for which receivers have run on this store. */
  get clockMs(): number {
    return this.#now().clockMs
  }

  /** A receiver has run for so long since the last call. */
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

  /** One transaction; what the folders that it has changed hold now. */
  #write(work: (changes: Changes, totals: OpenTotals) => void, moment?: Moment) {
    return inTransaction(this.#database, () => {
      const totals = this.#openTotals()
      work(new Changes(this.#statements, moment ?? this.#now(), totals), totals)
      return totals.write()
    })
  }
}
