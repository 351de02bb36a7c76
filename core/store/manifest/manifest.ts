import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction } from '../../sqlite.ts'
import type { Changes, Moment, NewFile } from './changes.ts'
import { prepareChanges } from './changes.ts'
import type { FileRow, SourceRow } from './rows.ts'
import { openRows } from './rows.ts'
import { prepareTotals } from './totals.ts'

/** A round that was begun, and not brought to its end: its process was killed. */
export interface OpenRound {
  /** The beginning of the names of the versions that it made. */
  version: string
  places: { source: number; path: string }[]
}

/** The manifest as the one thread that changes it has it. Every call may throw what SQLite or the disk says. */
export type Manifest = ReturnType<typeof openManifest>

export function openManifest(database: DatabaseSyncInstance) {
  const rows = openRows(database)
  const findSource = database.prepare('SELECT id FROM source WHERE folder = ? AND directory = ?')
  const addSource = database.prepare('INSERT INTO source (folder, directory) VALUES (?, ?)')
  const count = database.prepare('UPDATE store SET position = position + 1')
  const announce = database.prepare('INSERT OR REPLACE INTO round (id, version, places) VALUES (1, ?, ?)')
  const announced = database.prepare('SELECT version, places FROM round')
  const concluded = database.prepare('DELETE FROM round')
  const counters = database.prepare('SELECT position, clock_ms FROM store')
  const tick = database.prepare('UPDATE store SET clock_ms = clock_ms + ?')
  const addWanted = database.prepare('INSERT OR IGNORE INTO wanted (source, key) VALUES (?, ?)')
  const addWantedSince = database.prepare(
    `INSERT OR IGNORE INTO wanted (source, key) SELECT source, key FROM file INDEXED BY file_position
     WHERE source = ? AND position > ? AND version = ''`,
  )
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

  const known = new Map<number, SourceRow>()
  const sourceById = (id: number): SourceRow | null => {
    if (!known.has(id)) for (const source of rows.sources()) known.set(source.id, source)
    return known.get(id) ?? null
  }
  const openTotals = prepareTotals(database, (source) => sourceById(source)?.folder ?? '')
  const changes = prepareChanges(database, rows)

  const momentNow = (): Moment => {
    const { position, clock_ms: clockMs } = counters.get() as { position: number; clock_ms: number }
    return { now: Date.now(), clockMs, position }
  }

  return {
    ...rows,
    sourceById,
    /** The number of a directory of a sender's folder; made if it is new. */
    sourceOf: (folder: string, directory: string) =>
      inTransaction(database, () => {
        const found = findSource.get(folder, directory) as { id: number } | undefined
        if (found !== undefined) return found.id
        const id = Number(addSource.run(folder, directory).lastInsertRowid)
        changes.makeDirectory(id, '')
        return id
      }),
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
    ) {
      const { moment, name } = inTransaction(database, () => {
        count.run()
        const begun = momentNow()
        const prefix = version(begun.position)
        announce.run(prefix, JSON.stringify(places.map(({ source, path }) => [source, path])))
        return { moment: begun, name: prefix }
      })
      return inTransaction(database, () => {
        const totals = openTotals()
        work(changes.at(moment, totals), name)
        concluded.run()
        for (const [folder, session] of sessions) totals.ofFolder(folder).session = session
        return { position: moment.position, totals: totals.write() }
      })
    },
    openRound() {
      const found = announced.get() as { version: string; places: string } | undefined
      if (found === undefined) return null
      const places = JSON.parse(found.places) as [number, string][]
      return { version: found.version, places: places.map(([source, path]) => ({ source, path })) }
    },
    /** Brings an open round to its end: `work` says what it had done. */
    concludeRound: (work: (changes: Changes) => void) =>
      inTransaction(database, () => {
        const totals = openTotals()
        work(changes.at(momentNow(), totals))
        concluded.run()
        totals.write()
      }),
    /** Writes down a content that the manifest does not know. */
    adopt: (file: NewFile & Pick<FileRow, 'version' | 'depth'>) =>
      inTransaction(database, () => {
        const totals = openTotals()
        if (changes.adopt(file, momentNow(), totals.of(file.source))) totals.write()
      }),
    /** What there is to be offered again of a sender, at most `limit`, behind `after`. */
    wanted: (folder: string, after: number, limit: number) =>
      wantedOf.all(folder, limit, after) as { source: number; key: string }[],
    /** Has the content of a place offered again. */
    want: (source: number, key: string) => void addWanted.run(source, key),
    /** What has changed in a sender's folder since a position, at most `limit`. */
    wantSince: (folder: string, since: number) =>
      inTransaction(database, () => {
        for (const { id, folder: of } of rows.sources()) if (of === folder) addWantedSince.run(id, since)
      }),
    /** The content in its place is never pruned from now on: it is not at the source any more. False: there is none. */
    pin: (source: number, key: string) => Number(pinOne.run(source, key).changes) === 1,
    /** Paths that have older contents, the next ones behind `after`. */
    withVersions: ({ source, key }: { source: number; key: string }, limit: number) =>
      nextVersions.all(source, key, limit) as { source: number; key: string }[],
    /** Forgets contents and directories that are on the disk no more. The totals of their folder. */
    forget: (
      gone: readonly Pick<FileRow, 'source' | 'key' | 'version'>[],
      directories: readonly { source: number; path: string; version: string }[],
    ) =>
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
    /** Milliseconds for which receivers have run on this store. */
    get clockMs() {
      return momentNow().clockMs
    },
    /** A receiver has run for so long since the last call. */
    passed: (ms: number) => void tick.run(Math.max(0, Math.round(ms))),
  }
}
