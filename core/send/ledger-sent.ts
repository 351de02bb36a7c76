import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction } from '../sqlite.ts'
import type { Ledger, SentContent } from './ledger-contract.ts'
import type { DueRow, Routes } from './ledger-rows.ts'
import { CLAIMED, DUE_COLUMNS, dueOf, prepareExact, word } from './ledger-rows.ts'

/** The files that are sent, and the marks that they are owed. */
export type LedgerSent = Pick<Ledger, 'markSent' | 'sentElsewhere' | 'dueMarks' | 'marksDone'>

export function openLedgerSent(database: DatabaseSyncInstance, routes: Routes): LedgerSent {
  const sent = database.prepare(
    `UPDATE file SET state = 1, sent_at = ?, mark_due = ?, digest = ?, retry_at = 0, reason = NULL
     ${CLAIMED} AND state <> 1`,
  )
  const elsewhere = database.prepare(
    `SELECT source, path, digest FROM file INDEXED BY file_content JOIN route ON route.id = route
     WHERE inode = ? AND mtime_ns = ? AND size = ? AND digest IS NOT NULL AND destination = ? AND file.id <> ?
     LIMIT 1`,
  )
  const unmarked = prepareExact(
    database,
    `SELECT ${DUE_COLUMNS} FROM file WHERE route = ? AND mark_due = 1 AND id > ? ORDER BY id LIMIT ?`,
  )
  const marked = database.prepare(`UPDATE file SET mark_due = 0 ${CLAIMED}`)

  return {
    markSent: (claims, now) =>
      inTransaction(database, () => {
        const done = new Set<number>()
        for (const { id, generation, mark, digest = null } of claims) {
          if (sent.run(now, mark ? 1 : 0, digest, id, generation).changes === 1) done.add(id)
        }
        return done
      }),

    sentElsewhere(destination, { id, size, mtimeNs, inode }) {
      // 0 is what file systems without inodes say: it tells no file from another.
      if (inode === 0n) return null
      const facts = [word.store(inode), word.store(mtimeNs), size]
      return (elsewhere.get(...facts, destination, id) as SentContent | undefined) ?? null
    },

    dueMarks(destination, source, after, limit) {
      const route = routes.find(destination, source)
      if (route === null) return []
      return (unmarked.all(route, after, limit) as DueRow[]).map((row) => dueOf(row, source))
    },

    marksDone: (claims) =>
      inTransaction(database, () => {
        for (const { id, generation } of claims) marked.run(id, generation)
      }),
  }
}
