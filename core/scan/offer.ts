import { isBelowAway } from '../send/whereabouts.ts'
import { message } from '../words/message.ts'
import { isDue, isNeverSent } from './due.ts'
import type { FileFacts } from './facts.ts'
import { withoutLeftOut } from './left-out.ts'
import type { SessionContext } from './session.ts'

/** Files in one transaction of the ledger. */
const MAX_OFFERED = 256

/**
 * Puts finished files into the ledger, those that it does not know with this content and that no filter
 * leaves out. Returns how many became waiting, here or for their age. A ledger that cannot be written is told in words: the next comparison offers the files again.
 */
export function offerFiles(context: SessionContext, files: readonly FileFacts[]): number {
  const { source, ledger, destination } = context
  // Of the directory underneath a disk that is unmounted in this moment nothing is offered.
  if (files.some(({ device }) => device !== context.device) && !context.isThere()) {
    context.ended(null)
    return 0
  }
  let waiting = 0
  let held = 0
  try {
    // Nor of one underneath a disk that was mounted inside the source.
    const inside = ledger.mountsInside(source.id)
    for (let from = 0; from < files.length; from += MAX_OFFERED) {
      const some = withoutLeftOut(context, files.slice(from, from + MAX_OFFERED))
      const standings = standingsOf(context, some)
      const due = some.filter(({ path }, index) => standings[index]?.due && !isBelowAway(path, inside))
      const ready = due.filter((file) => !context.young.holds(file))
      held += due.length - ready.length
      if (ready.length === 0) continue
      const candidates = ready.map(({ mode: _, ...facts }) => ({ source: source.id, ...facts }))
      waiting += ledger.offer(destination, candidates)
    }
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown)
    context.problem(message('scan.ledgerFailed', { path: source.path, reason }))
  }
  if (waiting > 0) context.offered()
  return waiting + held
}

/** Whether a file is due, and if it is not, whether that is for its group-write bit alone. */
export interface Standing {
  due: boolean
  neverSent: boolean
}

/** How these files, all of one source, stand in the ledger. Throws what the ledger throws. */
export function standingsOf(
  { source, ledger, destination }: Pick<SessionContext, 'source' | 'ledger' | 'destination'>,
  files: readonly FileFacts[],
): Standing[] {
  const marksFiles = source.kind === 'batch'
  const known = ledger.lookupAll(
    destination,
    source.id,
    files.map(({ path }) => path),
  )
  return files.map((file, index) => {
    const entry = known[index] ?? null
    return { due: isDue(file, entry, marksFiles), neverSent: isNeverSent(file, entry, marksFiles) }
  })
}
