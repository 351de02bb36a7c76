import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { inTransaction } from '../sqlite.ts'
import type { Ledger, SentContent } from './contract.ts'
import type { DueRow, Routes } from './rows.ts'
import { CLAIMED, DUE_COLUMNS, dueOf, OTHERS_WITH, prepareExact, SAME_ELSEWHERE, word } from './rows.ts'
import { MARK } from './schema.ts'

/** The files that are sent, and the marks that they are owed. */
export type LedgerSent = Pick<Ledger, 'markSent' | 'sentElsewhere' | 'dueMarks' | 'reviewMarks' | 'marksDone'>

export function openLedgerSent(database: DatabaseSyncInstance, routes: Routes): LedgerSent {
  const sent = database.prepare(
    `UPDATE file SET state = 1, sent_at = ?, mark_due = ?, digest = ?, acked = ?, retry_at = 0, reason = NULL
     ${CLAIMED} AND state <> 1`,
  )
  // One row a file is enough: many hard links have one inode.
  const elsewhere = database.prepare(
    `SELECT place, source, path, digest FROM (
       SELECT one.key AS place,
         (SELECT file.id FROM file INDEXED BY file_content JOIN route ON route.id = route
          WHERE inode = one.value ->> 1 AND mtime_ns = one.value ->> 2 AND size = one.value ->> 3
          AND digest IS NOT NULL AND destination = ?2 AND file.id <> one.value ->> 0 LIMIT 1) AS found
       FROM json_each(?1) AS one)
     JOIN file ON file.id = found JOIN route ON route.id = route`,
  )
  const unmarked = prepareExact(
    database,
    `SELECT ${DUE_COLUMNS} FROM file WHERE route = ? AND mark_due = 1 AND id > ? ORDER BY id LIMIT ?`,
  )
  const marked = database.prepare(
    `UPDATE file SET mark_due = ${MARK.none}, ctime_ns = coalesce(?, ctime_ns) ${CLAIMED}`,
  )
  const markedElsewhere = database.prepare(
    `UPDATE file SET mark_due = ${MARK.none}, ctime_ns = coalesce(?, ctime_ns) WHERE ${SAME_ELSEWHERE}`,
  )
  const haveIt = database.prepare(`SELECT ${OTHERS_WITH('TRUE')} AS count FROM file WHERE id = ?`)
  const putOff = database.prepare(`UPDATE file SET mark_due = ${MARK.later} WHERE id = ?`)
  const later = database.prepare(
    `SELECT id FROM file INDEXED BY file_mark_later WHERE route = ? AND mark_due = 2 AND id > ?
     ORDER BY id LIMIT ?`,
  )
  const mayNow = database.prepare(`UPDATE file SET mark_due = ${MARK.now} WHERE id = ?`)

  const isEverywhere = (id: number, others: readonly string[]): boolean =>
    others.length === 0 ||
    (haveIt.get(JSON.stringify(others), id) as { count: number }).count === others.length

  /** A page of what is owed; `due`: what of it every destination has, `last`: null at the end. */
  const marksPage = (
    route: number,
    source: string,
    after: number,
    limit: number,
    others: readonly string[],
  ) =>
    inTransaction(database, () => {
      const rows = (unmarked.all(route, after, limit) as DueRow[]).map((row) => dueOf(row, source))
      const due = rows.filter(({ id }) => isEverywhere(id, others))
      const ready = new Set(due)
      // Whichever destination gets the file last finds all the others, as transactions come one after the other.
      for (const row of rows) if (!ready.has(row)) putOff.run(row.id)
      return { due, last: rows.length < limit ? null : (rows.at(-1)?.id ?? null) }
    })

  return {
    markSent: (claims, now) =>
      inTransaction(database, () => {
        const done = new Set<number>()
        for (const { id, generation, mark, digest = null, position = 0 } of claims) {
          if (sent.run(now, mark ? 1 : 0, digest, position, id, generation).changes === 1) done.add(id)
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

    dueMarks(destination, source, limit, others, behind = 0) {
      const route = routes.find(destination, source)
      if (route !== null && others.length === 0)
        return (unmarked.all(route, behind, limit) as DueRow[]).map((row) => dueOf(row, source))
      for (let after: number | null = behind; route !== null && after !== null; ) {
        // Most looks find nothing: no reason to write.
        if (unmarked.get(route, after, 1) === undefined) break
        const page = marksPage(route, source, after, limit, others)
        if (page.due.length > 0) return page.due
        after = page.last
      }
      return []
    },

    reviewMarks: (destination, source, others, after, limit) =>
      inTransaction(database, () => {
        const route = routes.find(destination, source)
        if (route === null) return null
        const rows = later.all(route, after, limit) as { id: number }[]
        for (const { id } of rows) if (isEverywhere(id, others)) mayNow.run(id)
        return rows.length < limit ? null : (rows.at(-1)?.id ?? null)
      }),

    marksDone: (claims) =>
      inTransaction(database, () => {
        for (const { id, generation, ctimeNs } of claims) {
          const ctime = ctimeNs === null ? null : word.store(ctimeNs)
          if (marked.run(ctime, id, generation).changes === 1) markedElsewhere.run(ctime, id)
        }
      }),
  }
}
