import type { Content } from '../../files/stat-facts.ts'
import { sameContent } from '../../files/stat-facts.ts'
import type { Difference } from '../../ledger/contract.ts'
import type { Candidate, Ledger } from '../../ledger/ledger.ts'
import type { FileFacts } from '../tree/facts.ts'

// What the ledger says of a source over all its destinations: a file is sent when every one of them has it.

/** Offers files to each destination. Returns how many became waiting at the one where it were most. */
export function offerEverywhere(
  ledger: Pick<Ledger, 'offer'>,
  destinations: readonly string[],
  candidates: readonly Candidate[],
  notBefore?: number,
): number {
  return Math.max(0, ...destinations.map((one) => ledger.offer(one, candidates, notBefore)))
}

/** The files that some destination does not have with this content; known: some destination has heard of the path. */
export function differingAnywhere(
  ledger: Pick<Ledger, 'differing'>,
  destinations: readonly string[],
  source: string,
  files: readonly FileFacts[],
): Difference[] {
  const lists = destinations.map((destination) => ledger.differing(destination, source, files))
  const [only] = lists
  if (lists.length === 1 && only !== undefined) return only
  // A destination that does not name a file has it as it is.
  const strangers = new Map<number, number>()
  for (const { index, known } of lists.flat())
    strangers.set(index, (strangers.get(index) ?? 0) + (known ? 0 : 1))
  return [...strangers]
    .map(([index, count]) => ({ index, known: count < lists.length }))
    .sort((a, b) => a.index - b.index)
}

/** Files that are not sent yet below a directory of a source, at the destination that is furthest behind. */
export function unsentAnywhere(
  ledger: Pick<Ledger, 'unsentBelow'>,
  destinations: readonly string[],
  source: string,
  directory: string,
): { waiting: number; parked: number } {
  const all = destinations.map((destination) => ledger.unsentBelow(destination, source, directory))
  return {
    waiting: Math.max(0, ...all.map(({ waiting }) => waiting)),
    parked: Math.max(0, ...all.map(({ parked }) => parked)),
  }
}

/**
 * What the ledger knows of a file's inode under any name of its source. never: nothing was sent of it; changed: another
 * content was, to some destination; same: this very one, which its new name is now known by, too.
 */
export function sentBefore(
  ledger: Pick<Ledger, 'sentAs' | 'adoptRenamed'>,
  destinations: readonly string[],
  source: string,
  file: Content & { path: string; ctimeNs: bigint },
): 'never' | 'changed' | 'same' {
  const sent = destinations.flatMap((destination) => {
    const entry = ledger.sentAs(destination, source, file)
    return entry === null ? [] : [{ destination, isSame: sameContent(file, entry) }]
  })
  if (sent.length === 0) return 'never'
  if (sent.some(({ isSame }) => !isSame)) return 'changed'
  for (const { destination } of sent) ledger.adoptRenamed(destination, source, file)
  return 'same'
}
