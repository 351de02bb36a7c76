import { setImmediate as turn } from 'node:timers/promises'
import {
  createNameFilter,
  leavesNothingOut,
  leftOutBySize,
  type NameFilter,
  toClosedRules,
  toNameRules,
} from '../../filter/exclusion-rules.ts'
import { isAtRest, mayBeFinal } from '../../filter/temporary.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import { isBelowAway } from '../../ledger/mount-presence.ts'
import { message } from '../../lib/i18n/message.ts'
import { beginLongJob } from '../../lib/workers/process.ts'
import { isWithin } from '../../platform/mounts.ts'
import { errorCode, errorText, isGone } from '../../platform/system-error.ts'
import type { Source } from '../../settings/schema.ts'
import { absolutePath, type ScannedFile } from '../../walk/scanned-file.ts'
import { describeUnsendable, findDiskRoot, type Skipped, walkRegions } from '../../walk/walk.ts'
import { probeWriters } from '../../watch/open-writers.ts'
import type { TreeWatcher } from '../../watch/tree-watcher.ts'
import type { SessionContext } from '../source-session.ts'
import { compareWithLedger, offerEverywhere } from './ledger-diff.ts'
import { WAIT_MS } from './mass-change-guard.ts'

/** Result of a comparison. */
export interface Reconciled {
  /** Files that the ledger does not have with this content. */
  due: number
  /** Files and directories that cannot be sent. */
  unsendable: number
  /** All files that were seen. */
  seen: number
  /** Files whose names the ledger has, each counted for every destination. */
  known: number
  /** Entries that were skipped for a reason in COUNTED_AS_LEFT_OUT, and files that were left out by size. */
  leftOut: number
  /** false: the comparison did not reach its end. */
  complete: boolean
}

/** Reasons for skipping that count as left out: the user sees the number, in case the rule was a mistake. */
const COUNTED_AS_LEFT_OUT: ReadonlySet<Skipped['why']> = new Set(['ignored', 'hidden', 'not-a-file'])

/** Further receivers of a listing's files, besides the watcher. */
export interface ListingReceivers {
  /** Files that are skipped while they have temporary names. */
  temporary(files: readonly string[]): Promise<void>
  /** Due files, after the watcher has examined them. */
  due(files: readonly string[]): Promise<void>
  /** Files that carry isocket's mark but were not sent by Holdfast. */
  unproven(files: readonly ScannedFile[]): void
  /** Returns false for a due file that is not sent. */
  isWanted(file: ScannedFile): boolean
}

/**
 * Compares a tree, or one directory of it with everything below, with the ledger, and lets the watcher examine every
 * due file; the watcher reports the finished ones. Streamed: memory does not grow with the tree.
 */
export async function reconcileTree(
  context: SessionContext,
  watcher: Pick<TreeWatcher, 'examine'>,
  base: string,
  receivers: Partial<ListingReceivers> = {},
): Promise<Reconciled> {
  const { source, root, scope, signal, own } = context
  const filter = createNameFilter(toNameRules(source))
  const result: Reconciled = { due: 0, unsendable: 0, seen: 0, known: 0, leftOut: 0, complete: false }
  const endLongJob = beginLongJob()
  /** Those of context.ownPaths that were met, or could not be looked at. */
  const stillOwn = new Set<string>()
  try {
    await own.refresh()
    for await (const chunk of walkRegions({ root, base, filter, scope, signal, own })) {
      const { files, unsendable, skipped } = chunk
      for (const one of unsendable) {
        context.problem(describeUnsendable(root, one))
        for (const path of context.ownPaths) if (isBelow(path, one.path)) stillOwn.add(path)
      }
      for (const { why, path } of skipped) {
        if (why !== 'own-place') continue
        context.ownPaths.add(path)
        stillOwn.add(path)
        context.problem(message('scan.ownPlace', { path: absolutePath(root, path) }))
      }
      context.deletions.found(files)
      const compared = compareWithLedger(context, files)
      const { unproven, known } = compared
      const due = compared.due.filter((file) => receivers.isWanted?.(file) ?? true)
      result.known += known
      result.due += due.length
      if (unproven.length > 0) receivers.unproven?.(unproven)
      result.unsendable += unsendable.length
      const leftOut = skipped.filter(({ why }) => COUNTED_AS_LEFT_OUT.has(why)).length
      const bySize = files.filter(({ size }) => leftOutBySize(source, size) !== null).length
      result.leftOut += leftOut + bySize
      result.seen += files.length + unsendable.length + skipped.filter(({ why }) => why !== 'mark').length
      const temporary = skipped.filter(({ why }) => why === 'temporary')
      await receivers.temporary?.(temporary.map(({ path }) => path))
      const resting = await findResting(root, temporary)
      result.known += compareWithLedger(context, resting).known
      offerFiles(context, resting)
      const unknown = new Set([...due, ...unproven])
      context.finished(unknown.size === 0 ? files : files.filter((file) => !unknown.has(file)), true)
      const paths = due.map(({ path }) => path)
      await watcher.examine(paths)
      await receivers.due?.(paths)
    }
    result.complete = !signal.aborted
    if (result.complete) forgetOwnPaths(context, base, stillOwn)
  } catch (error) {
    // The check of the source, or of the batch directories, reports that it is gone.
    if (isGone(errorCode(error))) return result
    const reason = errorText(error)
    context.problem(message('scan.listingFailed', { path: source.path, reason }))
  } finally {
    endLongJob()
  }
  return result
}

/** Forgets places that a comparison has not met. Files in them were not offered, so another comparison follows. */
function forgetOwnPaths(
  { ownPaths, compareSoon }: SessionContext,
  base: string,
  stillOwn: ReadonlySet<string>,
): void {
  for (const path of ownPaths) {
    if (stillOwn.has(path) || !isBelow(path, base)) continue
    ownPaths.delete(path)
    compareSoon()
  }
}

/** True if a path of a source is this directory of it, or in it; '' is the source itself. */
const isBelow = (path: string, directory: string): boolean => directory === '' || isWithin(path, directory)

/** Returns the files that have had a temporary name for so long that they count as finished. */
async function findResting(root: string, temporary: readonly Skipped[]): Promise<ScannedFile[]> {
  const resting: ScannedFile[] = []
  for (const { path } of temporary) {
    if (!mayBeFinal(path)) continue
    const seen = await probeWriters(root, path, findDiskRoot(root, path))
    if ('scanned' in seen && seen.state !== 'busy' && isAtRest(seen.scanned, Date.now()))
      resting.push(seen.scanned)
  }
  return resting
}

/**
 * Puts finished files into the ledger, unless it has them with this content or a filter excludes them. Returns the
 * number of files that became waiting. If the ledger cannot be written, the error is reported as
 * a problem, and the next comparison, which comes soon, offers the files again.
 */
export function offerFiles(context: SessionContext, found: readonly ScannedFile[]): number {
  // A watcher reports files before a comparison has met the directory.
  const { own, ownPaths } = context
  const places = [...own.below(context.root), ...ownPaths]
  const files = found.filter(
    ({ path, device, inode }) =>
      !own.has({ dev: device, ino: inode }) && !places.some((one) => isBelow(path, one)),
  )
  if (files.length === 0) return 0
  const { source, ledger, destinations } = context
  // If the source's disk was just unmounted, these files are in the directory underneath: do not offer them.
  if (files.some(({ device }) => device !== context.device) && !context.isThere()) {
    context.ended(null)
    return 0
  }
  context.deletions.found(files)
  let waiting = 0
  try {
    // Ledger.offer skips files that it has with this content; only a batch source needs to compare first.
    const { due, unproven } =
      source.kind === 'batch'
        ? compareWithLedger(context, files)
        : { due: files.filter(({ size }) => leftOutBySize(source, size) === null), unproven: [] }
    // Only a comparison reports unproven files, so one starts soon.
    if (unproven.length > 0) context.compareSoon()
    // Nor offer files below a mount point inside the source whose disk is away.
    const inside = ledger.mountsInside(source.id)
    const present = due.filter(({ path }) => !isBelowAway(path, inside))
    if (present.length === 0) return 0
    context.finished(present, false)
    const suspects = context.massChangeGuard.notice(present)
    const candidates = present.map((scanned) => ({ source: source.id, ...scanned }))
    const usual = candidates.filter(({ path }) => !suspects.has(path))
    const delayed = candidates.filter(({ path }) => suspects.has(path))
    waiting += offerEverywhere(ledger, destinations, usual)
    waiting += offerEverywhere(ledger, destinations, delayed, Date.now() + WAIT_MS)
  } catch (thrown) {
    context.ledgerFailed(thrown)
    context.compareSoon()
  }
  if (waiting > 0) {
    context.deletions.mayHaveReturned()
    context.offered()
  }
  return waiting
}

/**
 * Sends changed modes, owners and attributes of directories: one file below each is offered again, since directories
 * travel with their files. A directory without a sent file cannot be restored, so it is skipped.
 */
export function offerDirectories(context: SessionContext, paths: readonly string[]): void {
  const { source, ledger, destinations, offered, ledgerFailed } = context
  try {
    const counts = destinations.map((one) => ledger.offerOneBelow(one, source.id, paths))
    if (Math.max(0, ...counts) > 0) offered()
  } catch (error) {
    ledgerFailed(error)
  }
}

/** Ledger rows that are read together; the event loop turns between two pages. */
const PAGE = 500

/**
 * Removes waiting and parked files from the queue that the source now excludes: its filters or its batch directories
 * may have been changed. Reads only ledger rows, in pages, so the disk need not be there. Returns the number of files
 * at the destination with the most.
 */
export async function withdrawLeftOut(
  source: Source,
  ledger: Ledger,
  destinations: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  if (source.kind === 'continuous' && leavesNothingOut(source)) return 0
  const names = createNameFilter(toClosedRules(source))
  let most = 0
  for (const destination of destinations)
    most = Math.max(most, await withdrawAt(destination, source, names, ledger, signal))
  return most
}

async function withdrawAt(
  destination: string,
  source: Source,
  names: NameFilter,
  ledger: Ledger,
  signal: AbortSignal,
): Promise<number> {
  let withdrawn = 0
  for (let after: string | null = ''; after !== null && !signal.aborted; ) {
    const page = ledger.unsentPage(destination, source.id, after, PAGE)
    const leftOut = page.filter(
      ({ path, size }) => names.fileBelow(path) !== null || leftOutBySize(source, size) !== null,
    )
    if (leftOut.length > 0) {
      const paths = leftOut.map(({ path }) => path)
      withdrawn += ledger.withdraw(destination, source.id, paths)
    }
    after = page.length < PAGE ? null : (page.at(-1)?.path ?? null)
    await turn()
  }
  return withdrawn
}
