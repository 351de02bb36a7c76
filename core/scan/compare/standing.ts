import { type ContentIdentity, sameContent } from '../../files/stat-facts.ts'
import { leftOutBySize } from '../../filter/limits.ts'
import type { LedgerDifference } from '../../ledger/contract.ts'
import type { Candidate, Ledger, LedgerEntry } from '../../ledger/ledger.ts'
import type { SessionContext } from '../session.ts'
import type { ScannedFile } from '../tree/facts.ts'

/** How the files of a comparison stand. */
export interface Standing {
  /** Those that the ledger does not have with this content, and that the source's limits of size let pass. */
  due: ScannedFile[]
  /** How many of a batch source count as transferred by their group-write bit alone. */
  neverSent: number
}

/**
 * Compares files with the ledger. The group-write bit stays on a file that is renamed after it was sent: what its
 * inode was sent as tells whether it has changed since. Throws what the ledger throws.
 */
export function standingOf(
  context: Pick<SessionContext, 'source' | 'ledger' | 'destinations'>,
  files: readonly ScannedFile[],
): Standing {
  const { source, ledger, destinations } = context
  const result: Standing = { due: [], neverSent: 0 }
  const differing = differingAnywhere(ledger, destinations, source.id, files)
  for (const { index, known } of differing) {
    const file = files[index]
    // One that waits and has grown past a limit is found out when the sender takes it.
    if (file === undefined || leftOutBySize(source, file.size) !== null) continue
    if (!isNeverSent(file, known, source.kind === 'batch')) result.due.push(file)
    else {
      const sent = sentBefore(ledger, destinations, source.id, file)
      if (sent === 'never') result.neverSent += 1
      else if (sent === 'changed') result.due.push(file)
    }
  }
  return result
}

/** The group-write bit of st_mode: isocket's mark on a file that was transferred. */
const GROUP_WRITE = 0o020

/**
 * Whether a file still has to be offered to the ledger. In a batch source a file with the group-write bit was
 * transferred already, unless the ledger knows it with other content: then it was changed after it was sent.
 */
export function isDue(file: ScannedFile, known: LedgerEntry | null, marksFiles: boolean): boolean {
  if (known !== null) return !sameContent(file, known)
  return !isNeverSent(file, false, marksFiles)
}

/** It counts as transferred by its bit alone: the ledger has never heard of it. */
export function isNeverSent(file: Pick<ScannedFile, 'mode'>, isKnown: boolean, marksFiles: boolean): boolean {
  return marksFiles && !isKnown && hasGroupWrite(file)
}

export function hasGroupWrite(file: Pick<ScannedFile, 'mode'>): boolean {
  return (file.mode & GROUP_WRITE) !== 0
}

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
  files: readonly ScannedFile[],
): LedgerDifference[] {
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
  file: ContentIdentity & { path: string; ctimeNs: bigint },
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
