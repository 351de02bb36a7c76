import type { LedgerEntry } from '../../ledger/ledger.ts'
import type { FileFacts } from '../tree/facts.ts'
import { sameContent } from '../tree/facts.ts'

/** The group-write bit of st_mode: isocket's mark on a file that was transferred. */
const GROUP_WRITE = 0o020

/**
 * Whether a file still has to be offered to the ledger. In a batch source a file with the group-write bit was
 * transferred already, unless the ledger knows it with other content: then it was changed after it was sent.
 */
export function isDue(file: FileFacts, known: LedgerEntry | null, marksFiles: boolean): boolean {
  if (known !== null) return !sameContent(file, known)
  return !isNeverSent(file, false, marksFiles)
}

/** It counts as transferred by its bit alone: the ledger has never heard of it. */
export function isNeverSent(file: Pick<FileFacts, 'mode'>, isKnown: boolean, marksFiles: boolean): boolean {
  return marksFiles && !isKnown && hasGroupWrite(file)
}

export function hasGroupWrite(file: Pick<FileFacts, 'mode'>): boolean {
  return (file.mode & GROUP_WRITE) !== 0
}
