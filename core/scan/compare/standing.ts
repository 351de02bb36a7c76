import { sameContent } from '../../files/stat-facts.ts'
import { leftOutBySize } from '../../filter/limits.ts'
import type { LedgerEntry } from '../../ledger/ledger.ts'
import type { SessionContext } from '../session.ts'
import type { FileFacts } from '../tree/facts.ts'
import { differingAnywhere, sentBefore } from './everywhere.ts'

/** How the files of a comparison stand. */
export interface Standing {
  /** Those that the ledger does not have with this content, and that the source's limits of size let pass. */
  due: FileFacts[]
  /** How many of a batch source count as transferred by their group-write bit alone. */
  neverSent: number
}

/**
 * Compares files with the ledger. The group-write bit stays on a file that is renamed after it was sent: what its
 * inode was sent as tells whether it has changed since. Throws what the ledger throws.
 */
export function standingOf(
  context: Pick<SessionContext, 'source' | 'ledger' | 'destinations'>,
  files: readonly FileFacts[],
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
