import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { type Message, message } from '../lib/i18n/message.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { closeDatabaseFile, inTransaction, readDatabaseFile } from '../platform/sqlite.ts'
import { errorText } from '../platform/system-error.ts'
import { openConfirmed, openElsewhere, openMarks, openRemovals, openRenamed, openSent } from './complete.ts'
import type { BatchMessages, InnerMount, SessionMemory } from './contract.ts'
import { openDamaged } from './damaged.ts'
import {
  durably,
  FORGOTTEN_AT,
  LEDGER,
  openLedgerFile,
  openRoutes,
  openValues,
  REMOVAL,
  type Routes,
} from './database.ts'
import { openDeleted } from './deleted.ts'
import { openAgain, openKnown, openOffers } from './enqueue.ts'
import { openEvents } from './events.ts'
import { openExpected } from './expected.ts'
import { openFixity } from './fixity.ts'
import { openLostMetadata } from './lost-metadata.ts'
import { openPages, openSentFiles } from './pages.ts'
import { openProofs } from './proofs.ts'
import { openHolding, openOutcomes, openParked, openTaking, openUnsent } from './queue.ts'

export type {
  Claim,
  FoundFile,
  LedgerEntry,
  Parked,
  QueuedFile,
  Removable,
  RetryCause,
  RowPlace,
  SentClaim,
  SentContent,
  SessionMemory,
  TransferResult,
} from './contract.ts'
export type { DamagedFile } from './damaged.ts'

/** The transfer state of each file for each destination; each part (`openParts`) documents its functions. */
export type Ledger = ReturnType<typeof openLedger>

export type LedgerReader = Pick<
  Ledger,
  | ('lookup' | 'sentAs' | 'adoptedNs' | 'home' | 'mountsInside' | 'rowsOf' | 'countGone')
  | ('durableFiles' | 'notDurable' | 'close')
>

/** Answers for a data folder without a ledger: nothing was sent. */
export const emptyLedger: LedgerReader = {
  ...{ lookup: () => null, sentAs: () => null, adoptedNs: () => null },
  ...{ home: () => null, mountsInside: () => [], rowsOf: () => [], countGone: () => null },
  ...{ durableFiles: () => [], notDurable: () => 0, close: () => undefined },
}

/** Opens the ledger, or creates it; several processes may have it open at the same time. */
export function openLedger(file: string) {
  const { database, notice } = openLedgerFile(file)
  return {
    /** Explains why an earlier file of this name was set aside; null: it was not. */
    notice,
    ...openParts(database),
    close: () => closeDatabaseFile(file, database),
  }
}

/** @throws UserError transfer.ledgerFailed */
export function openOrExplain(path: string): Ledger {
  try {
    return openLedger(path)
  } catch (error) {
    const reason = errorText(error)
    throw new UserError('transfer.ledgerFailed', { path, reason }, { cause: error })
  }
}

export function openParts(database: DatabaseSyncInstance) {
  const routes = openRoutes(database)
  return {
    ...openOffers(database, routes),
    ...openKnown(database, routes),
    ...openAgain(database, routes),
    ...openTaking(database, routes),
    ...openOutcomes(database),
    ...openParked(database, routes),
    ...openUnsent(database, routes),
    ...openSent(database),
    ...openElsewhere(database),
    ...openRenamed(database, routes),
    ...openConfirmed(database, routes),
    ...openMarks(database, routes),
    ...openRemovals(database, routes),
    ...openPages(database),
    ...openSentFiles(database),
    ...openFixity(database),
    ...openHolding(database, routes),
    ...openDeleted(database, routes),
    ...openDamaged(database, routes),
    ...openLostMetadata(database),
    ...openExpected(database),
    ...openEvents(database, routes),
    ...openProofs(database, routes),
    ...openMeta(database, routes),
  }
}

/** Values of a source, each with the source's id after its name. */
const KEPT = [
  'home',
  'mounts',
  'inner',
  'said',
  'not-closed',
  'by-other',
  'filled',
  'held',
  'adopted',
  'deleted',
  'swept',
  'expected',
  'unmarked',
  'newest',
]

/** The ledger's values of sources and destinations. */
function openMeta(database: DatabaseSyncInstance, routes: Routes) {
  // A begun removal is recorded only in its row. The row is kept, to finish the removal if the source returns.
  const forgetSome = database.prepare(
    `DELETE FROM file WHERE id IN (
       SELECT file.id FROM route CROSS JOIN file ON file.route = route.id
       WHERE source = ? AND removal <> ${REMOVAL.begun} LIMIT ?)`,
  )
  const forgetRoutes = database.prepare(
    'DELETE FROM route WHERE source = ? AND NOT EXISTS (SELECT 1 FROM file WHERE file.route = route.id)',
  )
  const { forgetDamaged } = openDamaged(database, routes)
  const { forgetLostMetadata } = openLostMetadata(database)
  const forgetSuspects = database.prepare('DELETE FROM suspect WHERE source = ?')
  const allDestinations = database.prepare('SELECT DISTINCT destination FROM route')
  const { get, put, forget } = openValues(database)
  const filled = (source: string): string[] => get(`filled ${source}`) ?? []

  return {
    /** Returns the mount point that a source was last on, or null. */
    home: (source: string): string | null => get(`home ${source}`),
    rememberHome: (source: string, mountPoint: string) => put(`home ${source}`, mountPoint),

    /** Returns the mounts inside a source at the last listing, and earlier ones that still have waiting files. */
    mountsInside: (source: string): InnerMount[] => get(`mounts ${source}`) ?? [],
    rememberMountsInside: (source: string, mounts: readonly InnerMount[]) => put(`mounts ${source}`, mounts),

    /** Returns every mount inside a source that was ever seen and has sent files. */
    innerMounts: (source: string): InnerMount[] => get(`inner ${source}`) ?? [],
    rememberInnerMounts: (source: string, mounts: readonly InnerMount[]) => put(`inner ${source}`, mounts),

    saidBatches: (source: string): BatchMessages[] => get(`said ${source}`) ?? [],
    /** Durable when it returns. */
    rememberSaid: (source: string, batches: readonly BatchMessages[]) =>
      durably(database, () => put(`said ${source}`, batches)),

    /**
     * Returns when Holdfast first saw a batch source, in nanoseconds since 1970 by its file system's clock; NO_MARKS
     * (scan/reconcile/ledger-diff.ts): that file system keeps no group-write bit; null: never seen.
     */
    adoptedNs: (source: string): bigint | null => {
      const at = get<string>(`adopted ${source}`)
      return at === null ? null : BigInt(at)
    },
    /** Durable when it returns. */
    rememberAdopted: (source: string, atNs: bigint) =>
      durably(database, () => put(`adopted ${source}`, String(atNs))),

    /** Returns the batch directories that a run last reported as not closed properly. */
    notClosedSaid: (source: string): string | null => get(`not-closed ${source}`),
    rememberNotClosedSaid: (source: string, names: string) => put(`not-closed ${source}`, names),

    session: (destination: string): SessionMemory | null => get(`session ${destination}`),
    /** Durable when it returns. */
    rememberSession: (destination: string, session: SessionMemory) =>
      durably(database, () => put(`session ${destination}`, session)),

    /** Returns the destinations that were offered all files of a source. */
    filled,
    /** Adds `to`; of the others, keeps only those in `others`. */
    rememberFilled: (source: string, to: string, others: readonly string[]) =>
      inTransaction(database, () => {
        const before = filled(source)
        const now = [...before.filter((one) => one !== to && others.includes(one)), to].sort()
        if (JSON.stringify(now) !== JSON.stringify(before)) put(`filled ${source}`, now)
      }),

    /** Returns every destination in the ledger. */
    destinations: () =>
      (allDestinations.all() as { destination: string }[]).map(({ destination }) => destination),

    /** Removes at most `limit` rows of a source at every destination, except begun removals; returns the number. */
    forgetSource: (source: string, limit: number) =>
      inTransaction(database, () => {
        for (const what of KEPT) forget(`${what} ${source}`)
        forgetSuspects.run(source)
        forgetDamaged(source)
        forgetLostMetadata(source)
        // Prepared here: readers of a ledger of an earlier version do not have the table.
        const { changes } = database.prepare('DELETE FROM expected WHERE source = ?').run(source)
        const rows = Number(forgetSome.run(source, limit).changes)
        if (rows + Number(changes) > 0) put(FORGOTTEN_AT, Date.now())
        if (rows < limit) forgetRoutes.run(source)
        return rows
      }),
  }
}

/**
 * Opens a ledger only for reading: none is created, and an unusable one is not touched. null: there is none.
 * @throws UserError scan.list.ledgerUnread
 */
export function readLedger(file: string): LedgerReader | null {
  try {
    const database = readDatabaseFile(file, LEDGER)
    if (database === null) return null
    if (typeof database === 'string') throw new Error(`it is ${database}`)
    const routes = openRoutes(database)
    const { lookup } = openKnown(database, routes)
    const { sentAs } = openRenamed(database, routes)
    const { adoptedNs, home, mountsInside } = openMeta(database, routes)
    // Prepared at their use: a ledger of an earlier version lacks their columns.
    const rowsOf: Ledger['rowsOf'] = (...asked) => openPages(database).rowsOf(...asked)
    const countGone: Ledger['countGone'] = (...asked) => openPages(database).countGone(...asked)
    const durableFiles: Ledger['durableFiles'] = (...asked) => openFixity(database).durableFiles(...asked)
    const notDurable: Ledger['notDurable'] = (...asked) => openFixity(database).notDurable(...asked)
    return {
      ...{ lookup, sentAs, adoptedNs, home, mountsInside, rowsOf, countGone, durableFiles, notDurable },
      close: () => database.close(),
    }
  } catch (error) {
    throw new UserError('scan.list.ledgerUnread', { path: file, reason: errorText(error) }, { cause: error })
  }
}

/** Pause in the use of the ledger after a failure. */
const REST_MS = 1_000
/** The uses of a ledger, the least demanding first. */
const [READ, TAKE, WRITE] = [0, 1, 2]

/** Guards against a ledger whose disk is full or faulty: everything waits until it can be written again. */
export type LedgerGuard = ReturnType<typeof createLedgerGuard>

export function createLedgerGuard(
  path: string,
  events: { onChange(): void; log(level: 'error', text: string): void },
) {
  let problem: Message | null = null
  /** The most demanding use that has failed since the problem began. */
  let failed = READ
  let failedAt = 0
  const attemptTo = <T>(work: () => T, use: number): T | null => {
    try {
      const result = work()
      // A success shows nothing about a more demanding use: a full disk refuses writes only.
      if (use >= failed) problem = null
      return result
    } catch (error) {
      const reason = errorText(error)
      if (problem === null) events.log('error', `${path}: ${reason}`)
      failed = problem === null ? use : Math.max(use, failed)
      problem = message('transfer.ledgerFailed', { path, reason })
      failedAt = performance.now()
      events.onChange()
      return null
    }
  }
  return {
    /** Returns the result of `work`, or null if the ledger cannot be read now. */
    read: <T>(work: () => T) => attemptTo(work, READ),
    /** Returns the files that `work` takes from the queue, or null if they cannot be read now. */
    take: <T>(work: () => T) => attemptTo(work, TAKE),
    /** Returns the result of `work`, or null if the ledger cannot be written now. */
    write: <T>(work: () => T) => attemptTo(work, WRITE),
    /** Ends the problem of a use that nobody repeats. */
    forget(): void {
      if (problem === null) return
      problem = null
      events.onChange()
    },
    /** The error of the last use, or null; it stays until that use, or a more demanding one, succeeds. */
    get problem() {
      return problem
    },
    /** True if the ledger may be used: the last use succeeded, or the pause after a failure has ended. */
    get isRested() {
      return problem === null || performance.now() - failedAt >= REST_MS
    },
  }
}

/** Returns the result of `work`; if it throws, calls `failed` with the error and returns `otherwise`. */
export function attempt<T>(work: () => T, otherwise: T, failed: (error: unknown) => void): T {
  try {
    return work()
  } catch (error) {
    failed(error)
    return otherwise
  }
}
