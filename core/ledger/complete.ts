import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import type { ContentIdentity, FileStat } from '../platform/file-metadata.ts'
import { inTransaction } from '../platform/sqlite.ts'
import type { Claim, FoundFile, Proofs, RowPlace, SentClaim, SentContent, SentEntry } from './contract.ts'
import {
  BEHIND,
  CLAIMED,
  durably,
  formatRows,
  IS_SAME_TIME,
  MARK,
  NEWEST,
  NO_TIME,
  OLDEST,
  OTHERS_WITH,
  prepareDue,
  prepareExact,
  REMOVAL,
  type Routes,
  SAME_ELSEWHERE,
  toPathRange,
  toPlaceParams,
  word,
} from './database.ts'
import type { NamedFile } from './ledger-messages.ts'

// Sent files, in the order of their life: the result is recorded, other names of their content are found, they get their
// mark, and they are removed at the source.

/** Records files that a destination has stored. */
export function openSent(database: DatabaseSyncInstance) {
  const sent = database.prepare(
    `UPDATE file SET state = 1, sent_at = ?1, due_at = ?1, mark_due = ?2, digest = ?3, stored_ns = NULL, acked = ?4, reason = NULL,
       first_at = iif(digest = ?3 AND ${IS_SAME_TIME}, coalesce(first_at, sent_at), NULL)
     WHERE id = ?5 AND generation = ?6 AND state <> 1`,
  )
  const storedOlder = database.prepare(
    `UPDATE file SET sent_at = ?1, first_at = NULL, attempts = 0, reason = NULL, digest = iif(size = ?2 AND inode = ?3, ?4, NULL),
     stored_ns = ?5, acked = ?6 WHERE id = ?7 AND state = 0`,
  )
  const updateGrown = database.prepare(
    `UPDATE file SET size = ?, mtime_ns = ?, ctime_ns = ?, inode = ?, device = ? ${CLAIMED} AND state <> 1`,
  )
  const seal = database.prepare(
    'INSERT INTO seal VALUES (?1, ?2) ON CONFLICT (file) DO UPDATE SET digest = ?2',
  )
  const fixity = database.prepare(
    `INSERT INTO fixity (file, content, sha256, md5) SELECT id, ?2, ?3, ?4 FROM file WHERE id = ?1
     ON CONFLICT (file) DO UPDATE SET content = ?2, sha256 = ?3, md5 = ?4`,
  )
  // A name that its content has left no longer stands for that content: it is neither copied from nor reported again.
  const moved = database.prepare(
    `UPDATE file SET generation = generation + 1, mtime_ns = ${NO_TIME}, stored_ns = NULL, mark_due = 0, removal = ${REMOVAL.none}
     FROM json_each(?) AS name WHERE file.id = name.value ->> 0 AND state = 1
     AND removal IN (${REMOVAL.none}, ${REMOVAL.absent}) AND hex(digest) = name.value ->> 1`,
  )
  // A moved file that waits to be sent again is sent whole: the destination no longer has the content under its name.
  const movedWaiting = database.prepare(
    `UPDATE file SET acked = NULL FROM json_each(?) AS name
     WHERE file.id = name.value ->> 0 AND state = 0 AND hex(digest) = name.value ->> 1`,
  )
  const sentAt = database.prepare('SELECT sent_at FROM file WHERE id = ?')
  const contentSentAt = database.prepare(
    'SELECT coalesce(first_at, sent_at) AS sent_at FROM file WHERE id = ? AND digest = ?',
  )
  const selectSeal = database.prepare('SELECT digest FROM seal WHERE file = ?')
  const haveIt = database.prepare(`SELECT ${OTHERS_WITH('TRUE')} AS count FROM file WHERE id = ?`)
  const forward = database.prepare(
    `UPDATE meta SET value = json_set(value, '$.position', ?1) WHERE value ->> '$.position' < ?1
     AND key = (SELECT 'session ' || destination FROM file JOIN route ON route.id = route WHERE file.id = ?2)`,
  )
  // Transactions are serial, so the destination that gets the file last finds all the others.
  const chooseMark = ({ id, mark, others = [] }: SentClaim): number => {
    if (!mark) return MARK.none
    if (others.length === 0) return MARK.now
    const { count } = haveIt.get(JSON.stringify(others), id) as { count: number }
    return count === others.length ? MARK.now : MARK.later
  }
  const recordFixity = ({ id, digest, fixity: { sha256, md5 } = {} }: SentClaim): void => {
    if (digest != null && (sha256 ?? md5) !== undefined) fixity.run(id, digest, sha256 ?? null, md5 ?? null)
  }
  /** Records the metadata of a file that grew after the offer. */
  const recordGrowth = ({ id, generation }: SentClaim, stat: FileStat): void => {
    const words = [stat.mtimeNs, stat.ctimeNs, stat.inode, stat.device].map(word.store)
    updateGrown.run(stat.size, ...words, id, generation)
  }
  /** Records that a version of a file is stored, and leaves the file waiting. */
  const recordOlder = (claim: SentClaim, now: number): void => {
    // If only the file's times were changed meanwhile, it still has this content.
    const { size = null, inode, mtimeNs } = claim.stat ?? claim
    const inodeWord = inode === undefined ? null : word.store(inode)
    const storedAt = mtimeNs === undefined ? null : word.store(mtimeNs)
    storedOlder.run(now, size, inodeWord, claim.digest ?? null, storedAt, claim.position ?? 0, claim.id)
  }
  /** Records that contents have left their earlier names: in one statement, since a whole tree may have moved. */
  const recordMoved = (claims: readonly SentClaim[]): void => {
    const gone = claims.flatMap(({ moved: names = [], digest }) =>
      digest == null ? [] : names.map(({ id }) => [id, Buffer.from(digest).toString('hex').toUpperCase()]),
    )
    if (gone.length === 0) return
    moved.run(JSON.stringify(gone))
    movedWaiting.run(JSON.stringify(gone))
  }
  return {
    /** Returns when a version of the file was last stored, in milliseconds since 1970; null: never. */
    sentAt: (id: number) => (sentAt.get(id) as { sent_at: number | null } | undefined)?.sent_at ?? null,
    /** Returns when this content of the file was first stored; null: the destination is not known to have it. */
    contentSentAt: (id: number, digest: Uint8Array) =>
      (contentSentAt.get(id, digest) as { sent_at: number | null } | undefined)?.sent_at ?? null,
    /**
     * Returns the seal of a sent file that is encrypted at the destination (see SentClaim); null: not encrypted, or
     * unknown.
     */
    getSeal: (id: number) => (selectSeal.get(id) as { digest: Uint8Array } | undefined)?.digest ?? null,
    /**
     * Records stored files in one transaction, and returns the ids that are sent now. A file that changed meanwhile
     * stays waiting, with the time at which a version of it was stored. Updates the position in the destination's
     * session.
     */
    markSent: (claims: readonly SentClaim[], now: number) =>
      inTransaction(database, () => {
        const done = new Set<number>()
        let last = { id: 0, position: 0 }
        for (const claim of claims) {
          const { id, generation, digest = null, position = 0, isOlder = false, stat } = claim
          if (!isOlder && stat !== undefined) recordGrowth(claim, stat)
          const isSent =
            !isOlder && sent.run(now, chooseMark(claim), digest, position, id, generation).changes === 1
          if (isSent) done.add(id)
          else recordOlder(claim, now)
          recordFixity(claim)
          if (claim.seal !== undefined) seal.run(id, claim.seal)
          if (position > last.position) last = { id, position }
        }
        recordMoved(claims)
        if (last.position > 0) forward.run(last.position, last.id)
        return done
      }),
  }
}

/** Names of a content to find in addition to one for each requested file: that many may be gone. */
const MORE_NAMES = 8

/** Finds the other names under which the content of files was sent. */
export function openElsewhere(database: DatabaseSyncInstance) {
  const isContent = `sent.inode = one.value ->> 0 AND sent.mtime_ns = one.value ->> 1 AND sent.size = one.value ->> 2
     AND sent.digest IS NOT NULL`
  // Most files are new: the contents that have no name are left out by the cheaper query.
  const findKnown = database.prepare(
    `SELECT one.key AS place FROM json_each(?) AS one
     WHERE EXISTS (SELECT 1 FROM file AS sent INDEXED BY file_content WHERE ${isContent})`,
  )
  const elsewhere = database.prepare(
    `SELECT one.key AS place, file.id AS id, source, file.path AS path, file.digest AS digest FROM json_each(?1) AS one
     JOIN file ON file.id IN (
       SELECT sent.id FROM file AS sent INDEXED BY file_content JOIN route ON route.id = sent.route
       WHERE ${isContent} AND destination = ?2 AND sent.id NOT IN (SELECT value FROM json_each(?3)) LIMIT ?4)
     JOIN route ON route.id = file.route`,
  )
  return {
    /**
     * Returns for each of the files, by its id, sent files of this destination, of any source, with the same inode,
     * size and time, the oldest row first. The file is probably a new name of them, but not certainly: inode numbers
     * are reused, and any program can set a time. Files with the same content share one list.
     * @param without rows that are excluded.
     */
    sentElsewhere(
      destination: string,
      files: readonly (Claim & FileStat)[],
      without: ReadonlySet<number> = new Set(),
    ): Map<number, readonly SentContent[]> {
      // Thousands of hard links have one content, which is looked up once.
      const contents = new Map<string, number[]>()
      for (const { id, inode, mtimeNs, size } of files) {
        // 0 is the inode number on file systems without inodes, and identifies no file.
        if (inode === 0n) continue
        const content = `[${word.store(inode)},${word.store(mtimeNs)},${size}]`
        const ids = contents.get(content)
        if (ids === undefined) contents.set(content, [id])
        else ids.push(id)
      }
      if (contents.size === 0) return new Map()
      const all = [...contents]
      const known = findKnown.all(`[${[...contents.keys()].join()}]`) as { place: number }[]
      const asked = known.flatMap(({ place }) => all.slice(place, place + 1))
      if (asked.length === 0) return new Map()
      const most = Math.max(...asked.map(([, ids]) => ids.length)) + MORE_NAMES
      const keys = `[${asked.map(([content]) => content).join()}]`
      const rows = elsewhere.all(keys, destination, JSON.stringify([...without]), most) as (SentContent & {
        place: number
      })[]
      const names = Map.groupBy(rows, ({ place }) => place)
      const found = new Map<number, readonly SentContent[]>()
      for (const [place, some] of names) {
        const rows = some.map(({ place: _, ...one }) => one).sort((a, b) => a.id - b.id)
        for (const id of asked[place]?.[1] ?? []) {
          const others = rows.some((one) => one.id === id) ? rows.filter((one) => one.id !== id) : rows
          if (others.length > 0) found.set(id, others)
        }
      }
      return found
    },
  }
}

/**
 * Rows of one inode that a query reads, the oldest first: thousands of hard links may wait, and a name that was sent
 * is older than they are. A file whose sent name is beyond this limit is offered; the sender finds that name.
 */
const NAMES_AT_ONCE = 1_000

interface ContentRow {
  size: bigint
  mtime_ns: bigint
  ctime_ns: bigint
}

/** Finds the former names of renamed files. */
export function openRenamed(database: DatabaseSyncInstance, routes: Routes) {
  const namesWith = (which: string) =>
    `(SELECT * FROM file INDEXED BY file_content WHERE ${which} LIMIT ${NAMES_AT_ONCE})`
  // Two queries, since inode numbers are reused: sorting all rows of an inode would take longer and longer.
  const findSame = prepareExact(
    database,
    `SELECT size, mtime_ns, ctime_ns FROM ${namesWith('inode = ? AND mtime_ns = ?')}
     WHERE size = ? AND route = ? AND state = 1 LIMIT 1`,
  )
  // Includes files that wait again after a change: the sent content differs from any that the file has now.
  const findOther = prepareExact(
    database,
    `SELECT iif(state = 1, size, -1) AS size, mtime_ns, ctime_ns FROM ${namesWith('inode = ?')}
     WHERE route = ? AND (state = 1 OR sent_at IS NOT NULL) LIMIT 1`,
  )
  const adopt = database.prepare(
    `INSERT INTO file (route, path, size, mtime_ns, ctime_ns, inode, device, due_at, state, sent_at, digest, acked)
     SELECT route, ?1, size, mtime_ns, ?6, inode, device, due_at, 1, sent_at, digest, acked
     FROM ${namesWith('inode = ?2 AND mtime_ns = ?3')} WHERE size = ?4 AND route = ?5 AND state = 1 LIMIT 1
     ON CONFLICT (route, path) DO NOTHING`,
  )
  const namesNow = database.prepare(
    `SELECT source, path, destination, sent_at AS sentAt FROM ${namesWith('inode = ?1')} AS file
     JOIN route ON route.id = file.route
     WHERE destination IN (SELECT value FROM json_each(?2)) AND removal = ${REMOVAL.none} AND mtime_ns <> ${NO_TIME}`,
  )
  const otherNames = database.prepare(
    `SELECT path FROM file INDEXED BY file_content
     WHERE inode = ? AND route = ? AND ctime_ns <> ? ORDER BY mtime_ns DESC LIMIT ?`,
  )
  return {
    /**
     * Returns the files for these destinations that have this inode number, of any source and on any file system, each with
     * the destination that stored it last.
     */
    namesNow(inode: bigint, destinations: readonly string[]): NamedFile[] {
      const rows = namesNow.all(word.store(inode), JSON.stringify(destinations)) as NamedFile[]
      const latest = new Map<string, NamedFile>()
      for (const row of rows) {
        const key = `${row.source}/${row.path}`
        const known = latest.get(key)
        if (known === undefined || (row.sentAt ?? 0) > (known.sentAt ?? 0)) latest.set(key, row)
      }
      return [...latest].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row)
    },

    /**
     * Returns the paths of a source that have, or had, this inode with another change time: the names of the file from
     * before the change. At most `limit`, those with the newest content first, since inode numbers are reused.
     */
    otherNames(
      destination: string,
      source: string,
      { inode, ctimeNs }: Pick<FoundFile, 'inode' | 'ctimeNs'>,
      limit: number,
    ): string[] {
      const route = routes.find(destination, source)
      if (route === null || inode === 0n) return []
      const rows = otherNames.all(word.store(inode), route, word.store(ctimeNs), limit) as { path: string }[]
      return rows.map(({ path }) => path)
    },

    /**
     * Finds a file that was sent with this inode under any name of the source: with this content, or else with other
     * content. null: there is none, or the file system has no inodes.
     */
    sentAs(destination: string, source: string, { size, mtimeNs, inode }: ContentIdentity): SentEntry | null {
      const route = routes.find(destination, source)
      if (route === null || inode === 0n) return null
      const id = word.store(inode)
      const same = findSame.get(id, word.store(mtimeNs), size, route) as ContentRow | undefined
      const row = same ?? (findOther.get(id, route) as ContentRow | undefined)
      if (row === undefined) return null
      return {
        state: 'sent',
        size: Number(row.size),
        mtimeNs: row.mtime_ns,
        ctimeNs: row.ctime_ns,
        inode,
        reason: null,
      }
    },

    /**
     * Records the new name of a file that was sent and renamed since, so that a later change is recognised. Existing
     * rows are not changed.
     */
    adoptRenamed(
      destination: string,
      source: string,
      { path, size, mtimeNs, ctimeNs, inode }: ContentIdentity & Pick<FoundFile, 'path' | 'ctimeNs'>,
    ) {
      const route = routes.find(destination, source)
      adopt.run(path, word.store(inode), word.store(mtimeNs), size, route, word.store(ctimeNs))
    },
  }
}

/** Files that were sent by a program other than Holdfast. */
export function openConfirmed(database: DatabaseSyncInstance, routes: Routes) {
  const confirm = database.prepare(
    `INSERT INTO file (route, path, size, mtime_ns, ctime_ns, inode, device, due_at, state, sent_at)
     SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, ?3, 1, ?3
     FROM json_each(?2) WHERE true ON CONFLICT (route, path) DO NOTHING`,
  )
  return {
    /**
     * Records that a person has confirmed these files to be at the destinations. Their digests are unknown, so they
     * are never removed at the source, and are offered again if the destination has lost its files. Existing rows are
     * not changed.
     */
    confirmSent: (
      destinations: readonly string[],
      source: string,
      files: readonly Omit<FoundFile, 'source'>[],
      now: number,
    ) =>
      inTransaction(database, () => {
        for (const destination of destinations)
          confirm.run(routes.ensure(destination, source), formatRows(files), now)
      }),
  }
}

// Repeated in each query for the sake of the partial index: SQLite does not infer `mark_due > 0` from the value.
const NOW = `mark_due > 0 AND mark_due = ${MARK.now}`
const LATER = `mark_due > 0 AND mark_due = ${MARK.later}`

/** The group-write marks that sent files must still get. */
export function openMarks(database: DatabaseSyncInstance, routes: Routes) {
  const owed = prepareDue(database, `WHERE route = ? AND ${NOW} AND id > ?`, 'id')
  const owedBelow = database.prepare(
    `SELECT 1 FROM file INDEXED BY file_mark WHERE route = ? AND ${NOW} AND path > ? AND path < ? LIMIT 1`,
  )
  const later = database.prepare(
    `SELECT id, ${OTHERS_WITH('TRUE')} AS count FROM file INDEXED BY file_mark
     WHERE route = ? AND ${LATER} AND id > ? ORDER BY id LIMIT ?`,
  )
  const mayNow = database.prepare(`UPDATE file SET mark_due = ${MARK.now} WHERE id = ?`)
  const setNone = `UPDATE file SET mark_due = ${MARK.none}, ctime_ns = coalesce(?, ctime_ns)`
  const marked = database.prepare(`${setNone} ${CLAIMED}`)
  const markedElsewhere = database.prepare(`${setNone} WHERE ${SAME_ELSEWHERE}`)
  return {
    /** Returns sent files whose mark must be set, in the order of their ids, after the row `after`; at most `limit`. */
    dueMarks(destination: string, source: string, limit: number, after: number = 0) {
      const route = routes.find(destination, source)
      return route === null ? [] : owed(source, route, after, limit)
    },

    /** True if a sent file below this directory does not have its mark yet: setting it will change its ctime. */
    owesMarks: (destination: string, source: string, directory: string) =>
      owedBelow.get(routes.find(destination, source), ...toPathRange(directory)) !== undefined,

    /**
     * Reviews the marks of a source whose destinations have changed: files that waited for a former destination may
     * get their mark now. Handles at most `limit` rows after the row `after` (0 at first); returns the last row, or
     * null at the end.
     */
    reviewMarks: (
      destination: string,
      source: string,
      others: readonly string[],
      after: number,
      limit: number,
    ) =>
      inTransaction(database, () => {
        const route = routes.find(destination, source)
        const rows = later.all(JSON.stringify(others), route, after, limit) as { id: number; count: number }[]
        for (const { id, count } of rows) if (count === others.length) mayNow.run(id)
        return rows.length < limit ? null : (rows.at(-1)?.id ?? null)
      }),

    /**
     * Records that the marks of these files are set, or no longer wanted, for every destination that has this content.
     * `ctimeNs`: the change time since the mark was set.
     */
    marksDone: (claims: readonly (Claim & { ctimeNs: bigint | null })[]) =>
      inTransaction(database, () => {
        for (const { id, generation, ctimeNs } of claims) {
          const ctime = ctimeNs === null ? null : word.store(ctimeNs)
          if (marked.run(ctime, id, generation).changes === 1) markedElsewhere.run(ctime, id)
        }
      }),
  }
}

/** Limit of sent rows that one query reads: some milliseconds. */
const ROWS_AT_ONCE = 20_000

/** Sent files that may be removed at the source, and their removals. */
export function openRemovals(database: DatabaseSyncInstance, routes: Routes) {
  const selectEnd = database.prepare(
    `SELECT due_at AS at, id FROM file INDEXED BY file_state
     WHERE route = ? AND state = 1 AND ${BEHIND} AND due_at <= ? ORDER BY due_at, id LIMIT 1 OFFSET ${ROWS_AT_ONCE - 1}`,
  )
  // Removed files stay in the ledger. The query skips them: returning a row costs twenty times as much as skipping it.
  const removableRows = prepareDue(
    database,
    `INDEXED BY file_state WHERE route = ? AND state = 1 AND ${BEHIND} AND (due_at, id) <= (?, ?)
     AND removal = ${REMOVAL.none} AND mark_due = ${MARK.none} AND sent_at <= ? AND digest IS NOT NULL`,
    'due_at, id',
  )
  const selectBegun = database.prepare(
    `SELECT file.id, path FROM route JOIN file INDEXED BY file_removing ON route = route.id
     WHERE source = ? AND removal = 1 AND destination NOT IN (SELECT value FROM json_each(?)) AND file.id > ?
     ORDER BY file.id LIMIT ?`,
  )
  const removed = database.prepare(
    `SELECT count(*) AS files FROM file WHERE route IN (SELECT id FROM route WHERE destination = ?1)
     AND coalesce(acked, ?2 + 1) > ?2 AND state = 1 AND mtime_ns <> ${NO_TIME}
     AND removal IN (${REMOVAL.removed}, ${REMOVAL.absent})`,
  )
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
    `UPDATE file SET removal = ?, removed_at = ? WHERE removal IN (${REMOVAL.none}, ${REMOVAL.absent})
     AND ${SAME_ELSEWHERE}`,
  )

  const isProven = ({ id }: Claim, { others, since }: Proofs): boolean =>
    others.length === 0 ||
    (proofs.get(JSON.stringify(others), since, id) as { count: number }).count === others.length

  return {
    /**
     * Returns sent files that were durable before `sentBefore` (milliseconds since 1970), have their mark if they need
     * one, and are not removed: at most `limit` of the next rows behind `after`, in the order in which they were sent.
     * `last`: the place of the last row that was read; null at the end.
     */
    removable(destination: string, source: string, sentBefore: number, limit: number, after = OLDEST) {
      const route = routes.find(destination, source)
      if (route === null) return { files: [], last: null }
      const from = toPlaceParams(after)
      const end = selectEnd.get(route, ...from, sentBefore) as RowPlace | undefined
      const { at, id } = end ?? NEWEST
      const rows = removableRows(source, route, ...from, at, id, sentBefore, limit)
      const files = rows.flatMap(({ digest, ...file }) => (digest === null ? [] : [{ ...file, digest }]))
      const last = files.at(-1)
      if (last !== undefined && rows.length === limit) return { files, last: { at: last.dueAt, id: last.id } }
      return { files, last: end ?? null }
    },

    /**
     * Returns files of a source whose removal was begun and not ended, in any state, without removals that `others`,
     * the other destinations, have begun; at most `limit`, in the order of their ids, after `after`.
     */
    begunRemovals: (source: string, others: readonly string[], limit: number, after: number = 0) =>
      selectBegun.all(source, JSON.stringify(others), after, limit) as { id: number; path: string }[],

    /** Counts the files stored at this destination since a position that were removed or deleted here since. */
    removedSince: (destination: string, position: number) =>
      (removed.get(destination, position) as { files: number }).files,

    /**
     * Records that these files are about to be removed. Returns the ids of those whose row is unchanged, and that the
     * other destinations have proven. Durable when it returns: after a power failure, a file with its temporary name and
     * no record could not be found.
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
