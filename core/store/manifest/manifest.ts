import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { pack } from 'msgpackr'
import { UserError } from '../../lib/i18n/user-error.ts'
import type { FileMetadata } from '../../platform/file-metadata.ts'
import {
  beginDatabase,
  type DatabaseKind,
  inTransaction,
  readDatabaseFile,
  setAside,
} from '../../platform/sqlite.ts'
import { encodeMetadata } from '../../protocol/metadata-codec.ts'
import { replacedAt, versionPrefix } from '../retention/retention.ts'
import {
  type FileRow,
  type OpenTotals,
  openRows,
  prepareTotals,
  type Rows,
  rangeBelow,
  type SenderTotals,
  type SourceRow,
} from './rows.ts'

/**
 * Tables:
 * store: `epoch` identifies this manifest and never changes. `clock_ms` counts the time for which a receiver has run on
 * it. `position` counts the rounds that have changed it.
 * sender: totals of each sender's folder, the position of its last change, and the session that made it.
 * source: a directory of a sender's folder. directory: a directory below it.
 * file: a row for each stored version. `key` is its path, folded on a file system that folds names. `version` is empty
 * for the current version, else its name. `depth` is the number of path components above that name in the tree of
 * versions (a replaced directory is a single version with everything below it). `gone_at`: when the source renamed the
 * file. `pinned`: the file was removed at the source because it is stored here.
 * round: the open round, with the places that it may change. wanted: files that the sender should offer again.
 * Times are milliseconds since 1970; a file's own time is in seconds and nanoseconds. `more` is MessagePack
 * (MoreFacts).
 */
const SCHEMA = `
CREATE TABLE store (
  id INTEGER PRIMARY KEY CHECK (id = 1), epoch TEXT NOT NULL, clock_ms INTEGER NOT NULL DEFAULT 0,
  position INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE sender (
  folder TEXT PRIMARY KEY, files INTEGER NOT NULL, bytes INTEGER NOT NULL, names INTEGER NOT NULL,
  position INTEGER NOT NULL, session TEXT
) WITHOUT ROWID;
CREATE TABLE source (
  id INTEGER PRIMARY KEY, folder TEXT NOT NULL, directory TEXT NOT NULL, UNIQUE (folder, directory)
);
CREATE TABLE directory (
  source INTEGER NOT NULL, path TEXT NOT NULL, version TEXT NOT NULL DEFAULT '',
  mtime_s INTEGER, mtime_ns INTEGER, mode INTEGER, uid INTEGER, gid INTEGER, more BLOB,
  PRIMARY KEY (source, path, version)
) WITHOUT ROWID;
CREATE TABLE file (
  source INTEGER NOT NULL, key TEXT NOT NULL, version TEXT NOT NULL DEFAULT '',
  depth INTEGER NOT NULL DEFAULT 0, path TEXT, size INTEGER NOT NULL,
  mtime_s INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, mode INTEGER NOT NULL,
  uid INTEGER NOT NULL, gid INTEGER NOT NULL, more BLOB, digest BLOB NOT NULL,
  stored_at INTEGER NOT NULL, replaced_at INTEGER, replaced_clock_ms INTEGER, gone_at INTEGER,
  pinned INTEGER NOT NULL DEFAULT 0, position INTEGER NOT NULL,
  PRIMARY KEY (source, key, version)
) WITHOUT ROWID;
CREATE INDEX file_position ON file (source, position) WHERE version = '';
CREATE INDEX file_version ON file (source, key) WHERE version <> '';
CREATE TABLE round (id INTEGER PRIMARY KEY CHECK (id = 1), version TEXT NOT NULL, places TEXT NOT NULL);
CREATE TABLE wanted (source INTEGER NOT NULL, key TEXT NOT NULL, PRIMARY KEY (source, key)) WITHOUT ROWID;
INSERT INTO store (id, epoch) VALUES (1, lower(hex(randomblob(16))));
`

const MANIFEST: DatabaseKind = {
  version: 1,
  schema: SCHEMA,
  tables: ['store', 'sender', 'source', 'directory', 'file', 'round', 'wanted'],
  // A round is synced together with its files; see `syncNames` in committer.ts.
  pragmas:
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -4096; PRAGMA trusted_schema = OFF',
}

/**
 * Opens or creates the manifest. The store's own directory must exist. A damaged manifest is renamed to `aside`, never
 * erased.
 * @throws UserError store.manifestNewer; system errors if the file cannot be created
 */
export function openManifestFile(file: string): { database: DatabaseSyncInstance; aside: string | null } {
  const begin = () => {
    const opened = beginDatabase(file, MANIFEST)
    if (opened === 'newer') throw new UserError('store.manifestNewer', { path: file })
    return opened
  }
  const opened = begin()
  if (opened !== 'broken') return { database: opened, aside: null }
  const { aside } = setAside(file, 'broken')
  const anew = begin()
  if (anew === 'broken') throw new Error(`no manifest can be begun at ${file}`)
  return { database: anew, aside }
}

/**
 * Opens the manifest read-only; null: there is no usable one.
 * @throws UserError store.manifestNewer
 */
export function readManifestFile(file: string): DatabaseSyncInstance | null {
  const database = readDatabaseFile(file, MANIFEST)
  if (database === 'newer') throw new UserError('store.manifestNewer', { path: file })
  return database === 'broken' ? null : database
}

/** A round that was begun and not completed: its process was killed, or its transaction failed. */
export interface OpenRound {
  /** Prefix of the names of the versions that it created. */
  version: string
  places: { source: number; path: string }[]
}

type RowPath = Pick<FileRow, 'source' | 'key'>

/** The columns of a new row that the caller provides. */
type NewFile = Pick<FileRow, 'source' | 'key' | 'path' | 'facts'> & { digest: Uint8Array }

/** The time and position of a change. */
interface Moment {
  /** Milliseconds since 1970. */
  now: number
  /** See `Manifest.clockMs`. */
  clockMs: number
  position: number
}

/**
 * The manifest in the only thread that changes it: rounds, requests to senders, pruning, and the store's clock. Every
 * call may throw errors of SQLite or of the disk. Readers use only its rows (rows.ts).
 */
export class Manifest {
  readonly rows: Rows
  readonly #database: DatabaseSyncInstance
  readonly #statements: Statements
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

/** Records what a round does on the disk, within a transaction. `source` is always the id of a SourceRow. */
export class Changes {
  readonly #statements: Statements
  readonly #moment: Moment
  readonly #totals: OpenTotals
  readonly #isWanted: boolean

  constructor(statements: Statements, moment: Moment, totals: OpenTotals) {
    this.#statements = statements
    this.#moment = moment
    this.#totals = totals
    this.#isWanted = statements.isAnyWanted.get() !== undefined
  }

  /** True if a current file below a directory was sent with a different spelling of that directory's path. */
  hasOtherBelow(source: number, key: string, path: string): boolean {
    const { from, to } = rangeBelow(key)
    return this.#statements.otherBelow.get(source, from, to, `${path}/`) !== undefined
  }

  /** Adds a row. Returns false if the manifest has it already. */
  adopt(file: NewFile & Pick<FileRow, 'version' | 'depth'>): boolean {
    const { source, version, depth, facts } = file
    const replaced = version === '' ? [null, null] : [replacedAt(version), this.#moment.clockMs]
    const content = toFileColumns(file, this.#moment)
    if (this.#statements.add.run(...content, version, depth, ...replaced).changes !== 1) return false
    const sender = this.#totals.of(source)
    sender.files += 1
    sender.bytes += facts.size
    // An older version takes two names: its own, and that of its directory of versions.
    sender.names += version === '' ? 1 : 2
    return true
  }

  /** Records a file that was stored, or that has new metadata. */
  placed(file: NewFile): void {
    const { source, key, facts } = file
    const { findSize, change, unwant } = this.#statements
    const sender = this.#changed(source)
    if (!this.adopt({ ...file, version: '', depth: 0 })) {
      sender.bytes += facts.size - (findSize.get(source, key) as { size: number }).size
      change.run(...toFileColumns(file, this.#moment))
    }
    if (this.#isWanted) unwant.run(source, key)
  }

  /** Records that a file became an older version. */
  replaced(source: number, key: string, version: string): void {
    const { now, clockMs } = this.#moment
    const { changes } = this.#statements.replace.run(source, key, version, getDepth(key), now, clockMs)
    this.#changed(source).names += Number(changes)
  }

  /** Records that a directory, with everything below it, became an older version. */
  replacedAll(source: number, key: string, version: string): void {
    const { now, clockMs } = this.#moment
    const { replaceBelow, replaceDirectories } = this.#statements
    const { from, to } = rangeBelow(key)
    const { changes } = replaceBelow.run(source, from, to, version, getDepth(key), now, clockMs)
    this.#changed(source).names += Number(changes)
    replaceDirectories.run(source, key, from, to, version)
  }

  /** Records a directory. */
  made(source: number, path: string): void {
    if (this.#statements.make.run(source, path).changes === 1) this.#changed(source).names += 1
  }

  /** Records a directory's metadata at the source; its files may arrive later. */
  told(source: number, path: string, facts: FileMetadata): void {
    this.made(source, path)
    this.#statements.tell.run(source, path, ...toFactColumns(facts))
  }

  /** Records that the source has this file under another name. */
  moved(source: number, key: string): void {
    const { now, position } = this.#moment
    if (this.#statements.move.run(source, key, now, position).changes === 1) this.#changed(source)
  }

  #changed(source: number): SenderTotals {
    const sender = this.#totals.of(source)
    sender.position = this.#moment.position
    return sender
  }
}

type Statements = ReturnType<typeof prepareStatements>

function prepareStatements(database: DatabaseSyncInstance) {
  return {
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
    // Statements that only `Changes` runs:
    add: database.prepare(
      `INSERT INTO file (source, key, path, size, mtime_s, mtime_ns, mode, uid, gid, more, digest, stored_at, position,
       version, depth, replaced_at, replaced_clock_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    ),
    findSize: database.prepare("SELECT size FROM file WHERE source = ? AND key = ? AND version = ''"),
    change: database.prepare(
      `UPDATE file SET path = ?3, size = ?4, mtime_s = ?5, mtime_ns = ?6, mode = ?7, uid = ?8, gid = ?9, more = ?10,
       stored_at = iif(digest = ?11, stored_at, ?12), digest = ?11, gone_at = NULL, pinned = 0, position = ?13
       WHERE source = ?1 AND key = ?2 AND version = ''`,
    ),
    otherBelow: database.prepare(
      `SELECT 1 FROM file WHERE source = ?1 AND key >= ?2 AND key < ?3 AND version = ''
       AND substr(coalesce(path, key), 1, length(?4)) <> ?4 LIMIT 1`,
    ),
    replace: database.prepare(
      `UPDATE file SET version = ?3, depth = ?4, replaced_at = ?5, replaced_clock_ms = ?6
       WHERE source = ?1 AND key = ?2 AND version = ''`,
    ),
    replaceBelow: database.prepare(
      `UPDATE file SET version = ?4, depth = ?5, replaced_at = ?6, replaced_clock_ms = ?7
       WHERE source = ?1 AND key >= ?2 AND key < ?3 AND version = ''`,
    ),
    replaceDirectories: database.prepare(
      `UPDATE directory SET version = ?5
       WHERE source = ?1 AND (path = ?2 OR (path >= ?3 AND path < ?4)) AND version = ''`,
    ),
    make: database.prepare('INSERT INTO directory (source, path) VALUES (?, ?) ON CONFLICT DO NOTHING'),
    tell: database.prepare(
      `UPDATE directory SET mtime_s = ?3, mtime_ns = ?4, mode = ?5, uid = ?6, gid = ?7, more = ?8
       WHERE source = ?1 AND path = ?2 AND version = ''`,
    ),
    move: database.prepare(
      "UPDATE file SET gone_at = ?3, position = ?4 WHERE source = ?1 AND key = ?2 AND version = ''",
    ),
    isAnyWanted: database.prepare('SELECT 1 FROM wanted LIMIT 1'),
    unwant: database.prepare('DELETE FROM wanted WHERE source = ? AND key = ?'),
  }
}

/** Returns the columns of a file, in the order of `add` and of `change`. */
const toFileColumns = ({ source, key, path, facts, digest }: NewFile, { now, position }: Moment) =>
  [
    source,
    key,
    path === key ? null : path,
    facts.size,
    ...toFactColumns(facts),
    digest,
    now,
    position,
  ] as const

const toFactColumns = (facts: FileMetadata) => {
  const [seconds, nanoseconds, mode, uid, gid, more] = encodeMetadata(facts)
  return [seconds, nanoseconds, mode, uid, gid, more === null ? null : pack(more)] as const
}

const getDepth = (path: string): number => path.split('/').length
