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
    `SELECT one.key AS place, source, file.path AS path, digest
     FROM json_each(?1) AS one JOIN file INDEXED BY file_content
       ON inode = one.value ->> 1 AND mtime_ns = one.value ->> 2 AND size = one.value ->> 3
     JOIN route ON route.id = route
     WHERE digest IS NOT NULL AND destination = ?2 AND file.id <> one.value ->> 0`,
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

    sentElsewhere(destination, files) {
      // 0 is what file systems without inodes say: it tells no file from another.
      const asked = files.filter(({ inode }) => inode !== 0n)
      if (asked.length === 0) return new Map()
      const rows = asked.map(
        ({ id, inode, mtimeNs, size }) => `[${id},${word.store(inode)},${word.store(mtimeNs)},${size}]`,
      )
      const found = elsewhere.all(`[${rows.join()}]`, destination) as (SentContent & { place: number })[]
      return new Map(
        found.flatMap(({ place, ...content }) => {
          const file = asked[place]
          return file === undefined ? [] : [[file.id, content]]
        }),
      )
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
