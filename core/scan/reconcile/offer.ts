import { leftOutBySize } from '../../filter/limits.ts'
import { isBelowAway } from '../../ledger/mount-presence.ts'
import type { ScannedFile } from '../../walk/scanned-file.ts'
import type { SessionContext } from '../source-session.ts'
import { compareWithLedger, offerEverywhere } from './ledger-diff.ts'
import { WAIT_MS } from './mass-change-guard.ts'

/**
 * Puts finished files into the ledger, unless it has them with this content or a filter excludes them. Returns the
 * number of files that wait, in the ledger or for their age. If the ledger cannot be written, the error is reported as
 * a problem, and the next comparison, which comes soon, offers the files again.
 */
export function offerFiles(context: SessionContext, files: readonly ScannedFile[]): number {
  const { source, ledger, destinations } = context
  // If the source's disk was just unmounted, these files are in the directory underneath: do not offer them.
  if (files.some(({ device }) => device !== context.device) && !context.isThere()) {
    context.ended(null)
    return 0
  }
  let waiting = 0
  let held = 0
  try {
    // Ledger.offer skips files that it has with this content; only a batch source needs to compare first.
    const { due, unproven } =
      source.kind === 'batch'
        ? compareWithLedger(context, files)
        : { due: files.filter(({ size }) => leftOutBySize(source, size) === null), unproven: [] }
    // The comparison counts the unproven files.
    if (unproven.length > 0) context.compareSoon()
    // The same for a disk that was mounted inside the source.
    const inside = ledger.mountsInside(source.id)
    const there = due.filter(({ path }) => !isBelowAway(path, inside))
    const ready = there.filter((file) => !context.young.holds(file))
    held = there.length - ready.length
    if (ready.length === 0) return held
    const odd = context.massChangeGuard.notice(ready)
    const candidates = ready.map((facts) => ({ source: source.id, ...facts }))
    const [late = [], usual = []] = [true, false].map((is) =>
      candidates.filter(({ path }) => odd.has(path) === is),
    )
    waiting += offerEverywhere(ledger, destinations, usual)
    waiting += offerEverywhere(ledger, destinations, late, Date.now() + WAIT_MS)
  } catch (thrown) {
    context.ledgerFailed(thrown)
    context.compareSoon()
  }
  if (waiting > 0) context.offered()
  return waiting + held
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
