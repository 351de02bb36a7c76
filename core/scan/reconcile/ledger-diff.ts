import { leftOutBySize } from '../../filter/exclusion-rules.ts'
import type { LedgerDifference } from '../../ledger/contract.ts'
import type { FoundFile, Ledger } from '../../ledger/ledger.ts'
import { sameContent } from '../../platform/file-metadata.ts'
import { hasOwnClosedMark } from '../../settings/schema.ts'
import type { ScannedFile } from '../../walk/scanned-file.ts'
import type { SessionContext } from '../source-session.ts'

/** The group-write bit of st_mode. isocket, the program that Holdfast replaces, sets it on a file that it has sent. */
export const GROUP_WRITE = 0o020

/** Time of adoption for a source whose file system keeps no group-write bit: every file is newer. */
export const NO_MARKS = 0n

/** Result of comparing files with the ledger. */
interface LedgerDiff {
  /** Files that the ledger does not have with this content, and that pass the source's size limits. */
  due: ScannedFile[]
  /** Files of a batch source that carry isocket's mark but were not sent by Holdfast: a person decides about them. */
  unproven: ScannedFile[]
  /** Files whose names the ledger has, each counted for every destination. */
  known: number
}

/**
 * Compares files with the ledger. In a batch source, a sent file keeps its group-write bit when it is renamed; the
 * ledger then finds it by its inode. Throws the ledger's errors.
 */
export function compareWithLedger(
  context: Pick<SessionContext, 'source' | 'ledger' | 'destinations'>,
  files: readonly ScannedFile[],
): LedgerDiff {
  const { source, ledger, destinations } = context
  const { differing, known: allKnown } = findDiffering(ledger, destinations, source.id, files)
  const result: LedgerDiff = { due: [], unproven: [], known: allKnown }
  // isocket has never worked where producers use another closing mark than its own.
  const mayBeIsocket = source.kind === 'batch' && !hasOwnClosedMark(source.batch)
  const isAsked = mayBeIsocket && differing.length > 0
  const adoptedNs = isAsked ? ledger.adoptedNs(source.id) : NO_MARKS
  for (const { index, known } of differing) {
    const file = files[index]
    // The sender checks the limits again when it takes a file, so a queued file that outgrew them is dropped there.
    if (file === undefined || leftOutBySize(source, file.size) !== null) continue
    if (known || !mayBeMarked(file, adoptedNs)) result.due.push(file)
    else {
      const sent = findSentInode(ledger, destinations, source.id, file)
      if (sent === 'never' && isUnproven(file, adoptedNs)) result.unproven.push(file)
      else if (sent !== 'same') result.due.push(file)
    }
  }
  return result
}

/** Returns those of the files that no destination is known to have, or to get, with this content. */
export function findUnknown(
  { source, ledger, destinations }: Pick<SessionContext, 'source' | 'ledger' | 'destinations'>,
  files: readonly ScannedFile[],
): ScannedFile[] {
  const lists = destinations.map((one) => ledger.differing(one, source.id, files))
  return files.filter((_, index) => lists.every((list) => list.some((one) => one.index === index)))
}

/** True if a file's group-write bit may be a mark of isocket or of Holdfast itself. */
export function mayBeMarked({ mode }: Pick<ScannedFile, 'mode'>, adoptedNs: bigint | null): boolean {
  return adoptedNs !== NO_MARKS && (mode & GROUP_WRITE) !== 0
}

/**
 * True if a file that the ledger does not have may carry isocket's mark: its change time is before Holdfast first saw
 * the source. A later bit comes from the producer (umask 002), since isocket stopped with the move to Holdfast.
 * @param adoptedNs see Ledger.adoptedNs; null: the source was never watched.
 */
export function isUnproven(file: Pick<ScannedFile, 'mode' | 'ctimeNs'>, adoptedNs: bigint | null): boolean {
  return mayBeMarked(file, adoptedNs) && (adoptedNs === null || file.ctimeNs < adoptedNs)
}

/**
 * True if this is still the file that was sent with this inode. Inode numbers are reused: a file born later is a
 * different one, even if its size and time are the same.
 */
export function isSameInode(
  { bornAtNs = null }: Pick<ScannedFile, 'bornAtNs'>,
  sent: { ctimeNs: bigint },
): boolean {
  return bornAtNs !== null && bornAtNs <= sent.ctimeNs
}

// The ledger's state of a source over all its destinations: a file counts as sent when every destination has it.

/** Offers files to each destination. Returns the largest number that one destination queued. */
export function offerEverywhere(
  ledger: Pick<Ledger, 'offer'>,
  destinations: readonly string[],
  candidates: readonly FoundFile[],
  notBefore?: number,
): number {
  return Math.max(0, ...destinations.map((one) => ledger.offer(one, candidates, notBefore)))
}

/**
 * Returns files that some destination lacks with this content; known: some destination has an entry for the path. The
 * other `known` counts the entries of all files.
 */
function findDiffering(
  ledger: Pick<Ledger, 'differing'>,
  destinations: readonly string[],
  source: string,
  files: readonly ScannedFile[],
): { differing: LedgerDifference[]; known: number } {
  const lists = destinations.map((destination) => ledger.differing(destination, source, files))
  const unknown = lists.reduce((sum, list) => sum + list.filter(({ known }) => !known).length, 0)
  const known = lists.length * files.length - unknown
  const [only] = lists
  if (lists.length === 1 && only !== undefined) return { differing: only, known }
  // A destination that does not list a file already has it with this content.
  const strangers = new Map<number, number>()
  for (const { index, known } of lists.flat())
    strangers.set(index, (strangers.get(index) ?? 0) + (known ? 0 : 1))
  const differing = [...strangers]
    .map(([index, count]) => ({ index, known: count < lists.length }))
    .sort((a, b) => a.index - b.index)
  return { differing, known }
}

/** Counts the unsent files below a directory of a source, at the destination that is furthest behind. */
export function countUnsent(
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
 * Looks a file's inode up in the ledger, under any name of its source. never: nothing was sent from this inode;
 * changed: some destination has other content of it; same: this content was sent, and the ledger now has its new name,
 * too.
 */
function findSentInode(
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
