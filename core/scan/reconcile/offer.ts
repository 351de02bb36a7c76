import { leftOutBySize } from '../../filter/limits.ts'
import { isBelowAway } from '../../ledger/mount-presence.ts'
import type { ScannedFile } from '../../walk/scanned-file.ts'
import type { SessionContext } from '../source-session.ts'
import { offerEverywhere, standingOf } from './ledger-diff.ts'
import { WAIT_MS } from './mass-change-guard.ts'

/**
 * Puts finished files into the ledger, those that it does not know with this content and that no filter
 * leaves out. Returns how many became waiting, here or for their age. A ledger that cannot be written is told
 * in words, and a comparison that comes soon offers the files again.
 */
export function offerFiles(context: SessionContext, files: readonly ScannedFile[]): number {
  const { source, ledger, destinations } = context
  // Of the directory underneath a disk that is unmounted in this moment nothing is offered.
  if (files.some(({ device }) => device !== context.device) && !context.isThere()) {
    context.ended(null)
    return 0
  }
  let waiting = 0
  let held = 0
  try {
    // What the ledger has with this content it leaves alone by itself: only of a batch source it is asked what is due.
    const { due, unproven } =
      source.kind === 'batch'
        ? standingOf(context, files)
        : { due: files.filter(({ size }) => leftOutBySize(source, size) === null), unproven: [] }
    // A listing counts them.
    if (unproven.length > 0) context.compareSoon()
    // Nor of one underneath a disk that was mounted inside the source.
    const inside = ledger.mountsInside(source.id)
    const there = due.filter(({ path }) => !isBelowAway(path, inside))
    const ready = there.filter((file) => !context.young.holds(file))
    held = there.length - ready.length
    if (ready.length === 0) return held
    const odd = context.losses.notice(ready)
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
 * Has the new modes, owners and attributes of directories sent: a file of each is offered again, since directories travel with
 * their files. A directory without a sent file has nothing to restore it with, and is left alone.
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
