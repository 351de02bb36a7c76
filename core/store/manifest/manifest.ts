import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { pack } from 'msgpackr'
import type { FileFacts } from '../../files/facts.ts'
import { inTransaction } from '../../sqlite.ts'
import { wordsOfFacts } from '../../wire/facts.ts'
import { replacedAt } from '../versions/name.ts'
import type { FileRow, Rows, SourceRow, StrangeRow, Totals } from './rows.ts'
import { isFileRow, openRows, rangeBelow } from './rows.ts'

/** Writes down what a round does on the disk, as it does it. `source`: the number of a SourceRow. */
export interface Changes {
  /** The content that is in its place, if the manifest knows one; what this round has changed counts. */
  find(source: number, key: string): FileRow | StrangeRow | null
  /** Whether one of those that are in their places below a directory was sent as being below another one. */
  hasOtherBelow(source: number, key: string, path: string): boolean
  /** A content is in its place, or is there still with other facts. */
  placed(file: { source: number; key: string; path: string; facts: FileFacts; digest: Uint8Array }): void
  /** What was in its place is a version now. */
  replaced(source: number, key: string, version: string): void
  /** A directory is a version now, with all that was below it. */
  replacedAll(source: number, key: string, version: string): void
  /** A directory was made. */
  made(source: number, path: string): void
  /** What a directory is at the source; false: none of this name was made yet. */
  told(source: number, path: string, facts: FileFacts): boolean
  /** The source has this content under another name. */
  moved(source: number, key: string): void
}

/** Of a sender, in the order of `Totals`. */
export type SenderTotals = Omit<Totals, 'folder'>

/** A round that was begun, and not brought to its end: its process was killed. */
export interface OpenRound {
  /** The beginning of the names of the versions that it made. */
  version: string
  places: { source: number; path: string }[]
}

/** The manifest as the one thread that changes it has it. Every call may throw what SQLite or the disk says. */
export interface Manifest extends Rows {
  /** The number of a directory of a sender's folder; made if it is new. */
  sourceOf(folder: string, directory: string): number
  sourceById(id: number): SourceRow | null
  /**
   * One round: `work` changes the disk, and says so. Its places are written down before; what it did is, in one
   * transaction, after it. Where that fails, or the process is killed, the round stays open: see `openRound`.
   * @param sessions those that have sent what it stores, by folder.
   * @returns what the folders that have changed hold now.
   */
  round(
    version: (position: number) => string,
    places: OpenRound['places'],
    sessions: ReadonlyMap<string, string>,
    work: (changes: Changes, version: string) => void,
  ): { position: number; totals: Map<string, SenderTotals> }
  openRound(): OpenRound | null
  /** Brings an open round to its end: `work` says what it had done. */
  concludeRound(work: (changes: Changes) => void): void
  /** Writes down a content that the manifest does not know. */
  adopt(
    file: Pick<FileRow, 'source' | 'key' | 'path' | 'version' | 'depth' | 'facts'> & { digest: Uint8Array },
  ): void
  /** What there is to be offered again of a sender, at most `limit`, behind `after`. */
  wanted(folder: string, after: number, limit: number): { source: number; key: string }[]
  /** Has the content of a place offered again. */
  want(source: number, key: string): void
  /** What has changed in a sender's folder since a position, at most `limit`. */
  wantSince(folder: string, position: number): void
  /** The content in its place is never pruned from now on: it is not at the source any more. False: there is none. */
  pin(source: number, key: string): boolean
  /** Paths that have older contents, the next ones behind `after`. */
  withVersions(after: { source: number; key: string }, limit: number): { source: number; key: string }[]
  /** Forgets contents and directories that are on the disk no more. The totals of their folder. */
  forget(
    rows: readonly Pick<FileRow, 'source' | 'key' | 'version'>[],
    directories: readonly { source: number; path: string; version: string }[],
  ): Map<string, SenderTotals>
  /** Milliseconds for which receivers have run on this store. */
  readonly clockMs: number
  /** A receiver has run for so long since the last call. */
  passed(ms: number): void
}

const NO_TOTALS: SenderTotals = { files: 0, bytes: 0, names: 0, position: 0, session: null }

export function openManifest(database: DatabaseSyncInstance): Manifest {
  const rows = openRows(database)
  const one = database.prepare('SELECT * FROM sender WHERE folder = ?')
  const putSender = database.prepare(
    'INSERT OR REPLACE INTO sender (folder, files, bytes, names, position, session) VALUES (?, ?, ?, ?, ?, ?)',
  )
  const findSource = database.prepare('SELECT id FROM source WHERE folder = ? AND directory = ?')
  const addSource = database.prepare('INSERT INTO source (folder, directory) VALUES (?, ?)')
  const byId = database.prepare('SELECT id, folder, directory FROM source WHERE id = ?')
  const count = database.prepare('UPDATE store SET position = position + 1 RETURNING position')
  const announce = database.prepare('INSERT OR REPLACE INTO round (id, version, places) VALUES (1, ?, ?)')
  const announced = database.prepare('SELECT version, places FROM round')
  const concluded = database.prepare('DELETE FROM round')
  const position = database.prepare('SELECT position, clock_ms FROM store')
  const tick = database.prepare('UPDATE store SET clock_ms = clock_ms + ?')
  const add = database.prepare(
    `INSERT INTO file (source, key, path, size, mtime_s, mtime_ns, mode, uid, gid, more, digest, stored_at, position)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
  )
  const adoptOne = database.prepare(
    `INSERT INTO file (source, key, version, depth, path, size, mtime_s, mtime_ns, mode, uid, gid, more, digest,
     stored_at, replaced_at, replaced_clock_ms, position)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
  )
  const sizeOf = database.prepare("SELECT size FROM file WHERE source = ? AND key = ? AND version = ''")
  const change = database.prepare(
    `UPDATE file SET path = ?3, size = ?4, mtime_s = ?5, mtime_ns = ?6, mode = ?7, uid = ?8, gid = ?9, more = ?10,
     stored_at = iif(digest = ?11, stored_at, ?12), digest = ?11, gone_at = NULL, pinned = 0, position = ?13
     WHERE source = ?1 AND key = ?2 AND version = ''`,
  )
  const otherBelow = database.prepare(
    `SELECT 1 FROM file WHERE source = ?1 AND key >= ?2 AND key < ?3 AND version = ''
     AND substr(coalesce(path, key), 1, length(?4)) <> ?4 LIMIT 1`,
  )
  const replace = database.prepare(
    `UPDATE file SET version = ?3, depth = ?4, replaced_at = ?5, replaced_clock_ms = ?6
     WHERE source = ?1 AND key = ?2 AND version = ''`,
  )
  const replaceBelow = database.prepare(
    `UPDATE file SET version = ?4, depth = ?5, replaced_at = ?6, replaced_clock_ms = ?7
     WHERE source = ?1 AND key >= ?2 AND key < ?3 AND version = ''`,
  )
  const replaceDirectories = database.prepare(
    `UPDATE directory SET version = ?5
     WHERE source = ?1 AND (path = ?2 OR (path >= ?3 AND path < ?4)) AND version = ''`,
  )
  const make = database.prepare('INSERT INTO directory (source, path) VALUES (?, ?) ON CONFLICT DO NOTHING')
  const tell = database.prepare(
    `UPDATE directory SET mtime_s = ?3, mtime_ns = ?4, mode = ?5, uid = ?6, gid = ?7, more = ?8
     WHERE source = ?1 AND path = ?2 AND version = ''`,
  )
  const move = database.prepare(
    "UPDATE file SET gone_at = ?3, position = ?4 WHERE source = ?1 AND key = ?2 AND version = ''",
  )
  const isAnyWanted = database.prepare('SELECT 1 FROM wanted LIMIT 1')
  const unwant = database.prepare('DELETE FROM wanted WHERE source = ? AND key = ?')
  const addWanted = database.prepare('INSERT OR IGNORE INTO wanted (source, key) VALUES (?, ?)')
  const addWantedSince = database.prepare(
    `INSERT OR IGNORE INTO wanted (source, key) SELECT source, key FROM file INDEXED BY file_position
     WHERE source = ? AND position > ? AND version = ''`,
  )
  const sourcesOf = database.prepare('SELECT id FROM source WHERE folder = ?')
  const wantedOf = database.prepare(
    `SELECT source, key FROM wanted JOIN source ON source.id = source WHERE folder = ?
     ORDER BY source, key LIMIT ? OFFSET ?`,
  )
  const pinOne = database.prepare("UPDATE file SET pinned = 1 WHERE source = ? AND key = ? AND version = ''")
  const nextVersions = database.prepare(
    `SELECT DISTINCT source, key FROM file INDEXED BY file_version
     WHERE version <> '' AND (source, key) > (?, ?) ORDER BY source, key LIMIT ?`,
  )
  const forgetOne = database.prepare(
    'DELETE FROM file WHERE source = ? AND key = ? AND version = ? RETURNING size',
  )
  const forgetDirectory = database.prepare(
    'DELETE FROM directory WHERE source = ? AND path = ? AND version = ?',
  )

  const folders = new Map<number, SourceRow | null>()
  const sourceById = (id: number): SourceRow | null => {
    const known = folders.get(id)
    if (known !== undefined) return known
    const found = (byId.get(id) as SourceRow | undefined) ?? null
    folders.set(id, found)
    return found
  }

  const totalsOf = (folder: string): SenderTotals => {
    const found = one.get(folder) as (SenderTotals & { folder: string }) | undefined
    if (found === undefined) return { ...NO_TOTALS }
    const { files, bytes, names, position: at, session } = found
    return { files, bytes, names, position: at, session }
  }

  /** The totals that a transaction changes; written at its end. */
  const openTotals = () => {
    const changed = new Map<string, SenderTotals>()
    const ofFolder = (folder: string): SenderTotals => {
      const totals = changed.get(folder) ?? totalsOf(folder)
      changed.set(folder, totals)
      return totals
    }
    return {
      ofFolder,
      of: (source: number): SenderTotals => ofFolder(sourceById(source)?.folder ?? ''),
      write(): Map<string, SenderTotals> {
        for (const [folder, { files, bytes, names, position: at, session }] of changed)
          putSender.run(folder, files, bytes, names, at, session)
        return changed
      },
    }
  }

  const changesAt = (at: number, now: number, totals: ReturnType<typeof openTotals>): Changes => {
    const clockMs = (position.get() as { clock_ms: number }).clock_ms
    const isWanted = isAnyWanted.get() !== undefined
    const changed = (source: number): SenderTotals => {
      const sender = totals.of(source)
      sender.position = at
      return sender
    }
    // An older content takes two names: its own, and that of the directory of versions that it is in.
    const becameVersions = (source: number, files: number) => {
      changed(source).names += files
    }
    return {
      find: (source, key) => rows.find(source, key, ''),
      hasOtherBelow(source, key, path) {
        const { from, to } = rangeBelow(key)
        return otherBelow.get(source, from, to, `${path}/`) !== undefined
      },
      placed({ source, key, path, facts, digest }) {
        const sender = changed(source)
        const [seconds, nanoseconds, mode, uid, gid, more] = wordsOfFacts(facts)
        const packed = more === null ? null : pack(more)
        const name = path === key ? null : path
        const told = [facts.size, seconds, nanoseconds, mode, uid, gid, packed, digest, now, at] as const
        sender.bytes += facts.size
        if (add.run(source, key, name, ...told).changes === 1) {
          sender.files += 1
          sender.names += 1
        } else {
          sender.bytes -= (sizeOf.get(source, key) as { size: number }).size
          change.run(source, key, name, ...told)
        }
        if (isWanted) unwant.run(source, key)
      },
      replaced(source, key, version) {
        const depth = key.split('/').length
        becameVersions(source, Number(replace.run(source, key, version, depth, now, clockMs).changes))
      },
      replacedAll(source, key, version) {
        const { from, to } = rangeBelow(key)
        const depth = key.split('/').length
        const { changes } = replaceBelow.run(source, from, to, version, depth, now, clockMs)
        becameVersions(source, Number(changes))
        replaceDirectories.run(source, key, from, to, version)
      },
      made(source, path) {
        changed(source).names += Number(make.run(source, path).changes)
      },
      told(source, path, facts) {
        const [seconds, nanoseconds, mode, uid, gid, more] = wordsOfFacts(facts)
        const packed = more === null ? null : pack(more)
        return tell.run(source, path, seconds, nanoseconds, mode, uid, gid, packed).changes === 1
      },
      moved(source, key) {
        if (move.run(source, key, now, at).changes === 1) changed(source)
      },
    }
  }

  return {
    get epoch() {
      return rows.epoch
    },
    sources: rows.sources,
    find: rows.find,
    versions: rows.versions,
    page: rows.page,
    directory: rows.directory,
    isMoving: rows.isMoving,
    totals: rows.totals,
    sourceById,
    sourceOf: (folder, directory) =>
      inTransaction(database, () => {
        const found = findSource.get(folder, directory) as { id: number } | undefined
        if (found !== undefined) return found.id
        const id = Number(addSource.run(folder, directory).lastInsertRowid)
        folders.delete(id)
        make.run(id, '')
        return id
      }),
    round(version, places, sessions, work) {
      const { at, name } = inTransaction(database, () => {
        const counted = (count.get() as { position: number }).position
        const prefix = version(counted)
        announce.run(prefix, JSON.stringify(places.map(({ source, path }) => [source, path])))
        return { at: counted, name: prefix }
      })
      return inTransaction(database, () => {
        const totals = openTotals()
        work(changesAt(at, Date.now(), totals), name)
        concluded.run()
        for (const [folder, session] of sessions) totals.ofFolder(folder).session = session
        return { position: at, totals: totals.write() }
      })
    },
    openRound() {
      const found = announced.get() as { version: string; places: string } | undefined
      if (found === undefined) return null
      const places = JSON.parse(found.places) as [number, string][]
      return { version: found.version, places: places.map(([source, path]) => ({ source, path })) }
    },
    concludeRound: (work) =>
      inTransaction(database, () => {
        const totals = openTotals()
        work(changesAt((position.get() as { position: number }).position, Date.now(), totals))
        concluded.run()
        totals.write()
      }),
    adopt: ({ source, key, path, version, depth, facts, digest }) =>
      inTransaction(database, () => {
        const [seconds, nanoseconds, mode, uid, gid, more] = wordsOfFacts(facts)
        const { position: at, clock_ms: clockMs } = position.get() as { position: number; clock_ms: number }
        const name = path === key ? null : path
        const told = [seconds, nanoseconds, mode, uid, gid, more === null ? null : pack(more)] as const
        const isVersion = version !== ''
        const replaced = isVersion ? ([replacedAt(version), clockMs] as const) : ([null, null] as const)
        const values = [source, key, version, depth, name, facts.size, ...told, digest] as const
        if (adoptOne.run(...values, Date.now(), ...replaced, at).changes !== 1) return
        const totals = openTotals()
        const sender = totals.of(source)
        sender.files += 1
        sender.bytes += facts.size
        sender.names += isVersion ? 2 : 1
        totals.write()
      }),
    wanted: (folder, after, limit) => wantedOf.all(folder, limit, after) as { source: number; key: string }[],
    want: (source, key) => void addWanted.run(source, key),
    wantSince: (folder, since) =>
      inTransaction(database, () => {
        for (const { id } of sourcesOf.all(folder) as { id: number }[]) addWantedSince.run(id, since)
      }),
    pin: (source, key) => Number(pinOne.run(source, key).changes) === 1,
    withVersions: ({ source, key }, limit) =>
      nextVersions.all(source, key, limit) as { source: number; key: string }[],
    forget: (gone, directories) =>
      inTransaction(database, () => {
        const totals = openTotals()
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
        return totals.write()
      }),
    get clockMs() {
      return (position.get() as { clock_ms: number }).clock_ms
    },
    passed: (ms) => void tick.run(Math.max(0, Math.round(ms))),
  }
}

export type { FileRow, StrangeRow }
export { isFileRow }
