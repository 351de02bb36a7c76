import { leftOutBySize } from '../../filter/limits.ts'
import type { LedgerDifference } from '../../ledger/contract.ts'
import type { FoundFile, Ledger } from '../../ledger/ledger.ts'
import { sameContent } from '../../platform/stat-facts.ts'
import type { ScannedFile } from '../../walk/scanned-file.ts'
import type { SessionContext } from '../source-session.ts'

/** How the files of a comparison stand. */
export interface Standing {
  /** Those that the ledger does not have with this content, and that the source's limits of size let pass. */
  due: ScannedFile[]
  /** Files of a batch source that carry isocket's mark, and that Holdfast has not sent: a person decides about them. */
  unproven: ScannedFile[]
}

/**
 * Compares files with the ledger. In a batch source the group-write bit stays on a file that is renamed after it was
 * sent: the ledger then has its inode. Throws what the ledger throws.
 */
export function standingOf(
  context: Pick<SessionContext, 'source' | 'ledger' | 'destinations'>,
  files: readonly ScannedFile[],
): Standing {
  const { source, ledger, destinations } = context
  const result: Standing = { due: [], unproven: [] }
  const differing = differingAnywhere(ledger, destinations, source.id, files)
  const isAsked = source.kind === 'batch' && differing.length > 0
  const adoptedNs = isAsked ? ledger.adoptedNs(source.id) : NO_MARKS
  for (const { index, known } of differing) {
    const file = files[index]
    // One that waits and has grown past a limit is found out when the sender takes it.
    if (file === undefined || leftOutBySize(source, file.size) !== null) continue
    if (known || !mayBeMarked(file, adoptedNs)) result.due.push(file)
    else {
      const sent = sentBefore(ledger, destinations, source.id, file)
      if (sent === 'never' && isUnproven(file, adoptedNs)) result.unproven.push(file)
      else if (sent !== 'same') result.due.push(file)
    }
  }
  return result
}

/** The group-write bit of st_mode: isocket's mark on a file that was transferred. */
export const GROUP_WRITE = 0o020

/** The time of adoption of a source whose file system keeps no group-write bit: no file is older. */
export const NO_MARKS = 0n

/** True if a file's group-write bit may be a mark of isocket or of Holdfast itself. */
export function mayBeMarked({ mode }: Pick<ScannedFile, 'mode'>, adoptedNs: bigint | null): boolean {
  return adoptedNs !== NO_MARKS && (mode & GROUP_WRITE) !== 0
}

/**
 * Returns true if a file that the ledger does not know may carry isocket's mark. Its change time is from before Holdfast first saw
 * the source: a later bit is a producer's own (umask 002), since isocket's work ended with the move to Holdfast.
 * @param adoptedNs see Ledger.adoptedNs; null: the source was never watched.
 */
export function isUnproven(file: Pick<ScannedFile, 'mode' | 'ctimeNs'>, adoptedNs: bigint | null): boolean {
  return mayBeMarked(file, adoptedNs) && (adoptedNs === null || file.ctimeNs < adoptedNs)
}

/**
 * Returns true if a file has been the one of its inode since that was sent. An inode is given again: a file that was born later is
 * another one, even if its size and time are the same.
 */
export function isSameInode(
  { bornAtNs = null }: Pick<ScannedFile, 'bornAtNs'>,
  sent: { ctimeNs: bigint },
): boolean {
  return bornAtNs !== null && bornAtNs <= sent.ctimeNs
}

// What the ledger says of a source over all its destinations: a file is sent when every one of them has it.

/** Offers files to each destination. Returns how many became waiting at the one where it were most. */
export function offerEverywhere(
  ledger: Pick<Ledger, 'offer'>,
  destinations: readonly string[],
  candidates: readonly FoundFile[],
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
  file: ScannedFile,
): 'never' | 'changed' | 'same' {
  const sent = destinations.flatMap((destination) => {
    const entry = ledger.sentAs(destination, source, file)
    return entry === null
      ? []
      : [{ destination, isSame: sameContent(file, entry) && isSameInode(file, entry) }]
  })
  if (sent.length === 0) return 'never'
  if (sent.some(({ isSame }) => !isSame)) return 'changed'
  for (const { destination } of sent) ledger.adoptRenamed(destination, source, file)
  return 'same'
}
