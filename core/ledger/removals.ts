import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction } from '../platform/sqlite.ts'
import type { Claim, Proofs } from './contract.ts'
import { MARK, REMOVAL } from './file.ts'
import { CLAIMED, durably, OTHERS_WITH, prepareDue, type Routes, SAME_ELSEWHERE } from './rows.ts'

/** Limit of sent rows that one query reads: some milliseconds. */
const ROWS_AT_ONCE = 20_000

/** Queries of sent files that may be removed at the source, or are being removed. */
export function openRemovable(database: DatabaseSyncInstance, routes: Routes) {
  // In the order of the rows, so that no index of the sending times is needed.
  const someRows = database.prepare(
    `SELECT count(*) AS count, max(id) AS last FROM (SELECT id FROM file INDEXED BY file_state
     WHERE route = ? AND state = 1 AND id > ? ORDER BY id LIMIT ${ROWS_AT_ONCE})`,
  )
  // Removed files stay in the ledger. The query skips them: returning a row costs twenty times as much as skipping it.
  const removableRows = prepareDue(
    database,
    `INDEXED BY file_state WHERE route = ? AND state = 1 AND id > ? AND id <= ? AND removal = ${REMOVAL.none}
     AND mark_due = ${MARK.none} AND sent_at <= ? AND digest IS NOT NULL`,
    'id',
  )
  const selectBegun = database.prepare(
    `SELECT file.id, path FROM route JOIN file INDEXED BY file_removing ON route = route.id
     WHERE source = ? AND removal = 1 AND destination NOT IN (SELECT value FROM json_each(?)) AND file.id > ?
     ORDER BY file.id LIMIT ?`,
  )
  const removed = database.prepare(
    `SELECT count(*) AS files FROM file WHERE route IN (SELECT id FROM route WHERE destination = ?1)
     AND coalesce(acked, ?2 + 1) > ?2 AND state = 1 AND removal = ${REMOVAL.removed}`,
  )

  return {
    /**
     * Returns sent files that were durable before `sentBefore` (milliseconds since 1970), have their mark if they need
     * one, and are not removed: at most `limit` of the next rows after the row `after`. `last`: the last row that was
     * read; null at the end.
     */
    removable(destination: string, source: string, sentBefore: number, after: number, limit: number) {
      const route = routes.find(destination, source)
      if (route === null) return { files: [], last: null }
      const some = someRows.get(route, after) as { count: number; last: number | null }
      if (some.last === null) return { files: [], last: null }
      const rows = removableRows(source, route, after, some.last, sentBefore, limit)
      const files = rows.flatMap(({ digest, ...file }) => (digest === null ? [] : [{ ...file, digest }]))
      if (rows.length === limit) return { files, last: files.at(-1)?.id ?? null }
      return { files, last: some.count < ROWS_AT_ONCE ? null : some.last }
    },

    /**
     * Returns files of a source whose removal was begun and not ended, in any state, without removals that `others`,
     * the other destinations, have begun; at most `limit`, in the order of their ids, after `after`.
     */
    begunRemovals: (source: string, others: readonly string[], limit: number, after: number = 0) =>
      selectBegun.all(source, JSON.stringify(others), after, limit) as { id: number; path: string }[],

    /** Counts the files stored at this destination since a position that were removed here after they were sent. */
    removedSince: (destination: string, position: number) =>
      (removed.get(destination, position) as { files: number }).files,
  }
}

export function openRemoving(database: DatabaseSyncInstance) {
  const begin = database.prepare(
    `UPDATE file SET removal = ${REMOVAL.begun} ${CLAIMED} AND state = 1 AND removal = ${REMOVAL.none}`,
  )
  const prove = database.prepare(`UPDATE file SET proven_at = ? ${CLAIMED}`)
  // Counts copies that were read back, have the same bytes, and are not being removed.
  const proofs = database.prepare(
    `SELECT ${OTHERS_WITH(`other.proven_at >= ? AND other.digest = file.digest AND other.removal = ${REMOVAL.none}`)}
     AS count FROM file WHERE id = ?`,
  )
  const end = database.prepare('UPDATE file SET removal = ?, removed_at = ? WHERE id = ? AND state = 1')
  const giveUp = database.prepare(`UPDATE file SET removal = ${REMOVAL.none} WHERE id = ? AND state <> 1`)
  const endElsewhere = database.prepare(
    `UPDATE file SET removal = ?, removed_at = ? WHERE removal = ${REMOVAL.none} AND ${SAME_ELSEWHERE}`,
  )

  const isProven = ({ id }: Claim, { others, since }: Proofs): boolean =>
    others.length === 0 ||
    (proofs.get(JSON.stringify(others), since, id) as { count: number }).count === others.length

  return {
    // Durable: after a power failure, a file with its temporary name and no record could not be found.
    /**
     * Records that these files are about to be removed; durable when it returns. Returns the ids of those whose row is
     * unchanged, and that the other destinations have proven.
     */
    beginRemovals: (claims: readonly Claim[], proven: Proofs) =>
      durably(database, () => {
        const taken = claims.filter((claim) => {
          const { id, generation } = claim
          // If two destinations handle the same file at the same time, the later one finds the other's proof.
          if (proven.others.length > 0) prove.run(proven.now, id, generation)
          return isProven(claim, proven) && begin.run(id, generation).changes === 1
        })
        return new Set(taken.map(({ id }) => id))
      }),

    /**
     * Records how removals ended: by Holdfast at `at` (milliseconds since 1970), not at all, or the file was already
     * gone.
     */
    endRemovals: (ends: readonly { id: number; end: 'removed' | 'stays' | 'absent' }[], at: number) =>
      inTransaction(database, () => {
        for (const { id, end: how } of ends) {
          const removedAt = how === 'removed' ? at : null
          const isStillIt =
            end.run(how === 'stays' ? REMOVAL.none : REMOVAL[how], removedAt, id).changes === 1
          // A new file that took the name meanwhile, and waits to be sent, was not removed.
          if (!isStillIt) giveUp.run(id)
          else if (how === 'removed') endElsewhere.run(REMOVAL.removed, removedAt, id)
        }
      }),
  }
}
