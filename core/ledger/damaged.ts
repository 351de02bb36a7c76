import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction } from '../platform/sqlite.ts'
import type { Routes } from './database.ts'
import type { DamageKind } from './events.ts'
import { EVENT } from './ledger-messages.ts'
import { addProofs, noProofs, type ProofSum } from './proofs.ts'

/** A file whose content a destination should have, and has damaged, or no longer has. */
export interface DamagedFile {
  /** The source's id. */
  source: string
  path: string
  finding: DamageKind
  /** When it was found: milliseconds since 1970. */
  at: number
  /** Size of the content that was sent. */
  size: number
  /** In hexadecimal digits; null: unknown. */
  digest: string | null
}

/** A damaged file that got its content back. */
export interface HealedFile extends DamagedFile {
  /** See SentClaim. */
  position: number
  seal: Uint8Array | null
}

/** The ledger's facts about a file at a destination, for healing. */
export interface HealRow {
  state: number
  generation: number
  sentAt: number | null
  digest: Uint8Array | null
}

/** A damaged file that has its content again. `at`: findings up to this time have ended. */
type Repaired = Pick<DamagedFile, 'source' | 'path' | 'at' | 'size' | 'digest'>

/** Sums up files that got their content again. */
const sumHealed = (files: readonly Pick<DamagedFile, 'size'>[]): ProofSum => ({
  ...noProofs(),
  files: files.length,
  bytes: files.reduce((sum, { size }) => sum + size, 0),
})

/** Rows that one query returns at most. */
const ROWS = 1_000

/**
 * Files that verifications found damaged or missing. Each is a value of `meta`, so that it is kept until the file is
 * sent again or healed.
 */
export function openDamaged(database: DatabaseSyncInstance, routes: Routes) {
  const toPrefix = (destination: string) => `damaged ${destination} `
  const toKey = (destination: string, { source, path }: Pick<DamagedFile, 'source' | 'path'>) =>
    `${toPrefix(destination)}${source} ${path}`
  const toRange = (destination: string) => [toPrefix(destination), `damaged ${destination}!`] as const
  const put = database.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)')
  const remove = database.prepare(
    "DELETE FROM meta WHERE key = ?1 AND value ->> '$.at' <= ?2 RETURNING value ->> '$.at' AS at",
  )
  const read = database.prepare("SELECT value ->> '$.at' AS at FROM meta WHERE key = ?")
  const has = database.prepare('SELECT 1 FROM meta WHERE key = ?')
  const select = database.prepare(
    `SELECT key, value FROM meta WHERE key > max(?1, ?3) AND key < ?2 ORDER BY key LIMIT ${ROWS}`,
  )
  const count = database.prepare(
    `SELECT count(*) AS files, coalesce(sum(value ->> '$.size'), 0) AS bytes,
       coalesce(max(value ->> '$.at'), 0) AS foundAt FROM meta WHERE key > ? AND key < ?`,
  )
  const removeOfSource = database.prepare(
    `DELETE FROM meta WHERE key > 'damaged ' AND key < 'damaged!' AND value ->> '$.source' = ?`,
  )
  const selectRow = database.prepare(
    'SELECT state, generation, sent_at AS sentAt, digest FROM file WHERE route = ? AND path = ?',
  )
  const setHealed = database.prepare(
    'UPDATE file SET acked = ?1 WHERE route = ?2 AND path = ?3 AND digest = ?4 RETURNING id',
  )
  const seal = database.prepare(
    'INSERT INTO seal VALUES (?1, ?2) ON CONFLICT (file) DO UPDATE SET digest = ?2',
  )
  const forward = database.prepare(
    `UPDATE meta SET value = json_set(value, '$.position', ?1) WHERE key = ?2 AND value ->> '$.position' < ?1`,
  )
  const findRow = (destination: string, { source, path }: Pick<DamagedFile, 'source' | 'path'>) =>
    (selectRow.get(routes.find(destination, source), path) as HealRow | undefined) ?? null

  /**
   * Ends findings, and counts those that another process has not ended: two may find that a file is repaired. A file that
   * was not sent again gets its event here; the others have it by a trigger.
   */
  const endAll = <File extends Repaired>(destination: string, files: readonly File[]): File[] => {
    // Prepared here: readers of a ledger of an earlier version do not have the table.
    const addDurable = database.prepare(
      `INSERT INTO event (at, type, route, path, size, digest, detail)
       VALUES (?, ${EVENT.durable}, ?, ?, ?, ?, 'healed')`,
    )
    const ended = files.filter((file) => {
      const open = remove.get(toKey(destination, file), file.at) as { at: number } | undefined
      if (open !== undefined && (findRow(destination, file)?.sentAt ?? 0) <= open.at) {
        const content = file.digest === null ? null : Buffer.from(file.digest, 'hex')
        addDurable.run(Date.now(), routes.find(destination, file.source), file.path, file.size, content)
      }
      return open !== undefined
    })
    if (ended.length > 0) addProofs(database, destination, 'heal', Date.now(), sumHealed(ended))
    return ended
  }

  return {
    /**
     * Keeps a finding until the file is sent again or healed; inside the caller's transaction. Returns false if the
     * present content was found damaged before.
     */
    keepDamaged(destination: string, file: DamagedFile): boolean {
      const key = toKey(destination, file)
      const { at } = (read.get(key) as { at: number } | undefined) ?? { at: null }
      const isSentAgain = at !== null && (findRow(destination, file)?.sentAt ?? 0) > at
      if (isSentAgain) endAll(destination, [file])
      put.run(key, JSON.stringify(file))
      return at === null || isSentAgain
    },

    isDamaged: (destination: string, file: Pick<DamagedFile, 'source' | 'path'>) =>
      has.get(toKey(destination, file)) !== undefined,

    /** Returns the next thousand damaged files behind one; null: from the beginning. */
    damagedFiles: (
      destination: string,
      after: Pick<DamagedFile, 'source' | 'path'> | null,
    ): DamagedFile[] => {
      const behind = after === null ? '' : toKey(destination, after)
      const rows = select.all(...toRange(destination), behind) as { value: string }[]
      return rows.map(({ value }) => JSON.parse(value) as DamagedFile)
    },

    countDamaged: (destination: string) =>
      count.get(...toRange(destination)) as { files: number; bytes: number; foundAt: number },

    /** Forgets findings about files that the destination no longer needs. */
    clearDamaged: (destination: string, files: readonly DamagedFile[]) =>
      inTransaction(database, () => {
        for (const file of files) remove.run(toKey(destination, file), file.at)
      }),

    /** Records files that have their content again; returns those whose finding had not ended yet. */
    endDamaged: <File extends Repaired>(destination: string, files: readonly File[]) =>
      inTransaction(database, () => endAll(destination, files)),

    /** Forgets the findings of a source; inside the caller's transaction. */
    forgetDamaged: (source: string) => void removeOfSource.run(source),

    /** Returns a file's row; null: it has none. */
    healRow: findRow,

    /** Records files that a destination has stored again with the content that was sent. */
    markHealed: (destination: string, files: readonly HealedFile[]) =>
      inTransaction(database, () => {
        for (const file of files) {
          const { source, path, digest, position } = file
          const route = routes.find(destination, source)
          const content = Buffer.from(digest ?? '', 'hex')
          const row = setHealed.get(position, route, path, content) as { id: number } | undefined
          if (row !== undefined && file.seal !== null) seal.run(row.id, file.seal)
          forward.run(position, `session ${destination}`)
        }
        endAll(destination, files)
      }),
  }
}
