import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import type { Ledger } from './contract.ts'
import type { Routes } from './rows.ts'
import { prepareExact, word } from './rows.ts'

/** What was sent under a name that it has no more. */
export type LedgerRenamed = Pick<Ledger, 'sentAs' | 'adoptRenamed'>

interface SentRow {
  size: bigint
  mtime_ns: bigint
}

export function openLedgerRenamed(database: DatabaseSyncInstance, routes: Routes): LedgerRenamed {
  // Two questions, as an inode is given again and again: to sort all that had it would take ever longer.
  const findSame = prepareExact(
    database,
    `SELECT size, mtime_ns FROM file INDEXED BY file_content
     WHERE inode = ? AND mtime_ns = ? AND size = ? AND route = ? AND state = 1 LIMIT 1`,
  )
  // Also of a file that waits again, since it was changed: what was sent of it is another content than any it has now.
  const findOther = prepareExact(
    database,
    `SELECT iif(state = 1, size, -1) AS size, mtime_ns FROM file INDEXED BY file_content
     WHERE inode = ? AND route = ? AND (state = 1 OR sent_at IS NOT NULL) LIMIT 1`,
  )
  const adopt = database.prepare(
    `INSERT INTO file (route, path, size, mtime_ns, ctime_ns, inode, device, state, sent_at, digest, acked)
     SELECT route, ?1, size, mtime_ns, ?6, inode, device, 1, sent_at, digest, acked FROM file INDEXED BY file_content
     WHERE inode = ?2 AND mtime_ns = ?3 AND size = ?4 AND route = ?5 AND state = 1 LIMIT 1
     ON CONFLICT (route, path) DO NOTHING`,
  )
  return {
    sentAs(destination, source, { size, mtimeNs, inode }) {
      const route = routes.find(destination, source)
      if (route === null || inode === 0n) return null
      const id = word.store(inode)
      const same = findSame.get(id, word.store(mtimeNs), size, route) as SentRow | undefined
      const row = same ?? (findOther.get(id, route) as SentRow | undefined)
      if (row === undefined) return null
      return { state: 'sent', size: Number(row.size), mtimeNs: row.mtime_ns, inode, reason: null }
    },
    adoptRenamed(destination, source, { path, size, mtimeNs, ctimeNs, inode }) {
      const route = routes.find(destination, source)
      if (route === null) return
      adopt.run(path, word.store(inode), word.store(mtimeNs), size, route, word.store(ctimeNs))
    },
  }
}
