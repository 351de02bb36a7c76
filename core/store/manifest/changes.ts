import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { pack } from 'msgpackr'
import type { FileMetadata } from '../../platform/facts.ts'
import { encodeMetadata } from '../../protocol/facts.ts'
import { replacedAt } from '../retention/name.ts'
import { type FileRow, rangeBelow } from './rows.ts'
import type { OpenTotals, SenderTotals } from './totals.ts'

/** The columns of a new row that the caller provides. */
export type NewFile = Pick<FileRow, 'source' | 'key' | 'path' | 'facts'> & { digest: Uint8Array }

/** The time and position of a change. */
export interface Moment {
  /** Milliseconds since 1970. */
  now: number
  /** See `Manifest.clockMs`. */
  clockMs: number
  position: number
}

type ChangeStatements = ReturnType<typeof prepareChanges>

/** Prepares the statements that record files and directories. */
export function prepareChanges(database: DatabaseSyncInstance) {
  return {
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

/** Records what a round does on the disk, within a transaction. `source` is always the id of a SourceRow. */
export class Changes {
  readonly #statements: ChangeStatements
  readonly #moment: Moment
  readonly #totals: OpenTotals
  readonly #isWanted: boolean

  constructor(statements: ChangeStatements, moment: Moment, totals: OpenTotals) {
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
