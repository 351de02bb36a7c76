import { type Message, message } from '../../lib/i18n/message.ts'
import { type Denied, sentenceOfDenied } from './permissions.ts'

/** One content, for a list. */
export interface ListedContent {
  /** Empty: there is one. */
  sender: string
  source: string
  path: string
  version: string | null
  size: number
  /** Milliseconds since 1970. */
  mtimeMs: number
  storedAt: number
  replacedAt: number | null
  /** When the source gave the file another name; null: it has not. */
  renamedAt: number | null
}

/** What became of a file that was to be put to its place. `to`: its absolute path. */
export type Put =
  /** `same`: this very content is there already. `exists`: other content is there, and stays. `folded`: that of another
   * name, which is the same one there. `inTheWay`: a directory, a symbolic link or something else that is no file. */
  | { kind: 'restored' | 'same' | 'exists' | 'folded' | 'inTheWay'; to: string }
  /** What came is not what was stored: nothing was written. `place`: where it came from. Digests as text. */
  | { kind: 'damaged'; place: string; expected: string; found: string }
  /** `denied`: a permission was missing. */
  | { kind: 'failed'; to: string; code: string; denied?: Denied }

export type RestoreEvent =
  | Put
  | { kind: 'listed'; listed: ListedContent }
  | { kind: 'unreadable'; place: string; code: string }
  /** It is neither a file nor a directory, or the manifest's row for it is none that Holdfast writes. */
  | { kind: 'strange'; place: string }
  /** The manifest knows it, the disk does not have it. */
  | { kind: 'missing'; place: string }

export type RestoreSummary = ReturnType<typeof emptySummary>

export const emptySummary = () => ({
  files: 0,
  bytes: 0,
  restored: 0,
  same: 0,
  failed: 0,
  /** Files and directories of which the owner or an extended attribute could not be set. */
  undressed: 0,
})

/**
 * What a person is told of one file; null: nothing needs to be said.
 * @param from a store's directory, or a destination's name.
 */
export function sentenceOfEvent(from: string, event: RestoreEvent): Message | null {
  const place = 'place' in event ? [from, event.place].filter((part) => part !== '').join('/') : ''
  switch (event.kind) {
    case 'listed':
    case 'restored':
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
    case 'strange':
      return message('store.strange', { path: place })
    case 'missing':
      return message('store.restoreMissing', { path: place })
    case 'failed':
      if (event.denied !== undefined) return sentenceOfDenied(event.to, event.denied)
      return message('store.restoreFailed', { path: event.to, reason: event.code })
    default:
      return event satisfies never
  }
}
