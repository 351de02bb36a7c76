import { type Message, message } from '../../lib/i18n/message.ts'
import { describeBadEntry } from '../../store/verify/findings.ts'
import { type Denied, describeDenied } from './metadata.ts'

/** A content in a list. */
export interface ListedContent {
  /** Empty if there is only one. */
  sender: string
  source: string
  path: string
  version: string | null
  size: number
  /** Milliseconds since 1970. */
  mtimeMs: number
  storedAt: number
  replacedAt: number | null
  /** When the source renamed the file; null: never. */
  renamedAt: number | null
}

/**
 * Result of restoring one file. `to`: its absolute path. `isBeside`: it has another name, beside an existing file.
 * `storedAs`: its path at the source, which this system cannot have.
 */
export type RestoreResult =
  /** `same`: the same content is already there. `exists`: other content is there and is kept. `folded`: the file system
   * treats the name of another file as equal. `inTheWay`: a directory, a symbolic link or another non-file is there. */
  | {
      kind: 'restored' | 'same' | 'exists' | 'folded' | 'inTheWay'
      to: string
      isBeside?: true
      storedAs?: string
    }
  /** The received content is not the stored one; nothing was written. `place`: its origin. Digests as text. */
  | { kind: 'damaged'; place: string; expected: string; found: string }
  /** `denied`: a permission was missing. */
  | { kind: 'failed'; to: string; code: string; denied?: Denied }

export type RestoreEvent =
  | RestoreResult
  | { kind: 'listed'; listed: ListedContent }
  | { kind: 'unreadable'; place: string; code: string }
  /** Contents in cold storage, which the destination was asked for; the restore waits for them. Not their result. */
  | { kind: 'cold'; place: string; files: number }
  /** Neither a file nor a directory. */
  | { kind: 'strange'; place: string }
  /** An invalid row in the manifest, or an invalid name in a list. `place`: its name; empty: unknown. */
  | { kind: 'badEntry'; place: string }
  /** Listed in the manifest, but not on the disk. */
  | { kind: 'missing'; place: string }

export type RestoreSummary = ReturnType<typeof emptySummary>

export const emptySummary = () => ({
  files: 0,
  bytes: 0,
  restored: 0,
  same: 0,
  failed: 0,
  /** Files and directories whose owner or extended attributes could not be set. */
  undressed: 0,
})

/**
 * Returns the message for the user about one file; null: none is needed.
 * @param from a store's directory, or a destination's name.
 */
export function describeEvent(from: string, event: RestoreEvent): Message | null {
  const place = 'place' in event ? [from, event.place].filter((part) => part !== '').join('/') : ''
  switch (event.kind) {
    case 'restored':
      if (event.storedAs === undefined) return null
      return message('store.restoredAs', { path: event.to, name: event.storedAs })
    case 'listed':
    case 'same':
      return null
    case 'exists':
      return message('store.exists', { path: event.to })
    case 'folded':
      return message('store.folded', { path: event.to })
    case 'inTheWay':
      return message('store.inTheWay', { path: event.to })
    case 'damaged':
      return message('store.restoreDamaged', { path: place })
    case 'unreadable':
      return message('store.unreadable', { path: place, reason: event.code })
    case 'cold':
      return message('restore.cold', { name: from, count: event.files })
    case 'strange':
      return message('store.strange', { path: place })
    case 'badEntry':
      return describeBadEntry(from, event.place)
    case 'missing':
      return message('store.restoreMissing', { path: place })
    case 'failed':
      if (event.denied !== undefined) return describeDenied(event.to, event.denied)
      if (event.code === 'EBUSY') return message('store.restoreInUse', { path: event.to })
      return message('store.restoreFailed', { path: event.to, reason: event.code })
    default:
      return event satisfies never
  }
}
