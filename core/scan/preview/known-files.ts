import type { LedgerEntry, LedgerReader } from '../../ledger/ledger.ts'
import { type ContentIdentity, sameContent } from '../../platform/file-metadata.ts'
import type { ListOptions } from './list-source.ts'

/** Looks up files of a source in the ledger, at the destination that is furthest behind with each file. */
export function knownFiles(
  ledger: Pick<LedgerReader, 'lookup' | 'sentAs' | 'adoptedNs'>,
  destinations: readonly string[],
  source: string,
): Required<Pick<ListOptions, 'lookup' | 'sentAs' | 'adoptedNs'>> {
  return {
    adoptedNs: ledger.adoptedNs(source),
    lookup: (file) => {
      const entries = destinations.map((one) => ledger.lookup(one, source, file.path))
      return furthestBehind(file, entries)
    },
    sentAs: (file) => {
      const entries = destinations.map((one) => ledger.sentAs(one, source, file))
      return furthestBehind(
        file,
        entries.filter((entry) => entry !== null),
      )
    },
  }
}

function furthestBehind<E extends LedgerEntry>(
  file: ContentIdentity,
  entries: readonly (E | null)[],
): E | null {
  const rank = (entry: E | null) => {
    if (entry === null || !sameContent(file, entry)) return 0
    return { waiting: 1, parked: 2, sent: 3 }[entry.state]
  }
  const [first = null] = [...entries].sort((one, other) => rank(one) - rank(other))
  return first
}
