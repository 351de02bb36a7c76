import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction } from '../sqlite.ts'
import type { Ledger, Proofs, Removable, RemovalClaim } from './contract.ts'
import type { DueRow, Routes } from './rows.ts'
import { CLAIMED, DUE_COLUMNS, dueOf, OTHERS_WITH, prepareExact, SAME_ELSEWHERE } from './rows.ts'
import { REMOVAL } from './schema.ts'

/** What the ledger knows of files that are removed at the source after they were sent. */
export type LedgerRemovals = Pick<Ledger, 'removable' | 'beginRemovals' | 'endRemovals' | 'begunRemovals'>

interface SentRow extends DueRow {
  sent_at: bigint
  mark_due: bigint
  removal: bigint
  proven_at: bigint | null
  digest: Uint8Array | null
}

export function openLedgerRemovals(database: DatabaseSyncInstance, routes: Routes): LedgerRemovals {
  // In the order of the rows, so that no index has to be kept of which was sent when.
  const sentRows = prepareExact(
    database,
    `SELECT ${DUE_COLUMNS}, sent_at, mark_due, removal, proven_at, digest FROM file INDEXED BY file_state
     WHERE route = ? AND state = 1 AND id > ? ORDER BY id LIMIT ?`,
  )
  const begin = database.prepare(
    `UPDATE file SET removal = ${REMOVAL.begun} ${CLAIMED} AND state = 1 AND removal = ${REMOVAL.none}`,
  )
  const end = database.prepare('UPDATE file SET removal = ?, removed_at = ? WHERE id = ? AND state = 1')
  const giveUp = database.prepare(`UPDATE file SET removal = ${REMOVAL.none} WHERE id = ? AND state <> 1`)
  const endElsewhere = database.prepare(
    `UPDATE file SET removal = ?, removed_at = ? WHERE removal = ${REMOVAL.none} AND ${SAME_ELSEWHERE}`,
  )
  const begunOf = database.prepare(
    `SELECT file.id, path FROM route JOIN file INDEXED BY file_removing ON route = route.id
     WHERE source = ? AND removal = 1 AND destination NOT IN (SELECT value FROM json_each(?)) LIMIT ?`,
  )
  const prove = database.prepare(`UPDATE file SET proven_at = ? ${CLAIMED}`)
  // A copy that was read back, of the same bytes, and that nobody is removing.
  const proofs = database.prepare(
    `SELECT ${OTHERS_WITH(`other.proven_at >= ? AND other.digest IN (file.digest, ?) AND other.removal = ${REMOVAL.none}`)}
     AS count FROM file WHERE id = ?`,
  )

  const isProven = ({ id, otherwise = null }: RemovalClaim, { others, since }: Proofs): boolean =>
    others.length === 0 ||
    (proofs.get(JSON.stringify(others), since, otherwise, id) as { count: number }).count === others.length

  return {
    removable(destination, source, sentBefore, after, limit) {
      const route = routes.find(destination, source)
      if (route === null) return { files: [], last: null }
      const rows = sentRows.all(route, after, limit) as SentRow[]
      const files = rows.flatMap((row): Removable[] => {
        const isDue = Number(row.sent_at) <= sentBefore && row.mark_due === 0n && row.removal === 0n
        if (!isDue || row.digest === null) return []
        return [{ ...dueOf(row, source), digest: row.digest, provenAt: Number(row.proven_at ?? 0) }]
      })
      const last = rows.at(-1)
      return { files, last: last === undefined || rows.length < limit ? null : Number(last.id) }
    },

    beginRemovals(claims, proven) {
      // Elsewhere a power failure may take back the last transactions; here a file would be left under its
      // other name, and nobody would know.
      database.exec('PRAGMA synchronous = FULL')
      try {
        return inTransaction(database, () => {
          const taken = claims.filter((claim) => {
            const { id, generation } = claim
            // Of two destinations that look at the same file at once the later one finds the other's proof.
            if (proven.others.length > 0) prove.run(proven.now, id, generation)
            return isProven(claim, proven) && begin.run(id, generation).changes === 1
          })
          return new Set(taken.map(({ id }) => id))
        })
      } finally {
        database.exec('PRAGMA synchronous = NORMAL')
      }
    },

    endRemovals: (ends, at) =>
      inTransaction(database, () => {
        for (const { id, end: how } of ends) {
          const removedAt = how === 'removed' ? at : null
          const isStillIt = end.run(REMOVAL[how], removedAt, id).changes === 1
          // A file that took the name meanwhile, and waits to be sent, was not removed.
          if (!isStillIt) giveUp.run(id)
          else if (how === 'removed') endElsewhere.run(REMOVAL.removed, removedAt, id)
        }
      }),

    begunRemovals: (source, others, limit) =>
      begunOf.all(source, JSON.stringify(others), limit) as { id: number; path: string }[],
  }
}
