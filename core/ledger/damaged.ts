import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction } from '../platform/sqlite.ts'
import type { Routes } from './database.ts'
import type { DamageKind } from './events.ts'
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

/** Sums up files that got their content again. */
export const sumHealed = (files: readonly Pick<DamagedFile, 'size'>[]): ProofSum => ({
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
  const remove = database.prepare('DELETE FROM meta WHERE key = ?')
  const has = database.prepare('SELECT 1 FROM meta WHERE key = ?')
  const select = database.prepare(
    `SELECT key, value FROM meta WHERE key > max(?1, ?3) AND key < ?2 ORDER BY key LIMIT ${ROWS}`,
  )
  const count = database.prepare(
    `SELECT count(*) AS files, coalesce(sum(value ->> '$.size'), 0) AS bytes FROM meta WHERE key > ? AND key < ?`,
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

  return {
    /** Keeps a finding until the file is sent again or healed; inside the caller's transaction. */
    keepDamaged: (destination: string, file: DamagedFile) =>
      void put.run(toKey(destination, file), JSON.stringify(file)),

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
      count.get(...toRange(destination)) as { files: number; bytes: number },

    /** Forgets findings: the files were sent again. */
    clearDamaged: (destination: string, files: readonly Pick<DamagedFile, 'source' | 'path'>[]) =>
      inTransaction(database, () => {
        for (const file of files) remove.run(toKey(destination, file))
      }),

    /** Forgets the findings of a source; inside the caller's transaction. */
    forgetDamaged: (source: string) => void removeOfSource.run(source),

    /** Returns a file's row; null: it has none. */
    healRow: (destination: string, { source, path }: Pick<DamagedFile, 'source' | 'path'>): HealRow | null =>
      (selectRow.get(routes.find(destination, source), path) as HealRow | undefined) ?? null,

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
          remove.run(toKey(destination, file))
        }
        addProofs(database, destination, 'heal', Date.now(), sumHealed(files))
      }),
  }
}
