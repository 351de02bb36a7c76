import { digestText } from '../../files/digest.ts'
import type { Put } from './put.ts'

/** One content, for a list. */
export interface Listed {
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

export type RestoreEvent =
  | { kind: 'listed'; listed: Listed }
  /** `folded`: another file, whose name is the same one there, has it. */
  | { kind: 'restored' | 'same' | 'exists' | 'folded' | 'inTheWay'; to: string }
  | { kind: 'damaged'; place: string; expected: string; found: string }
  | { kind: 'unreadable'; place: string; code: string }
  /** It is neither a file nor a directory, or the manifest's row for it is none that Holdfast writes. */
  | { kind: 'strange'; place: string }
  /** The manifest knows it, the disk does not have it. */
  | { kind: 'missing'; place: string }
  | { kind: 'failed'; to: string; code: string }

export interface RestoreSummary {
  files: number
  bytes: number
  restored: number
  same: number
  failed: number
  /** Files and directories of which the owner or an extended attribute could not be set. */
  undressed: number
}

export interface RestoreHost {
  /** What it says is waited for. */
  event(event: RestoreEvent): Promise<void>
  progress(progress: { files: number; bytes: number; totalFiles: number; totalBytes: number }): void
}

export const emptySummary = (): RestoreSummary => ({
  files: 0,
  bytes: 0,
  restored: 0,
  same: 0,
  failed: 0,
  undressed: 0,
})

/**
 * What became of a content, for whoever asked for it; it is counted, too.
 * @param to absolute path of where it should go.
 */
export function eventOf(
  put: Put,
  { place, size, digest }: { place: string; size: number; digest: Uint8Array | null },
  to: string,
  summary: RestoreSummary,
): RestoreEvent {
  switch (put.did) {
    case 'restored':
    case 'same':
      summary[put.did] += 1
      summary.bytes += size
      return { kind: put.did, to }
    case 'exists':
    case 'folded':
    case 'inTheWay':
      summary.failed += 1
      return { kind: put.did, to }
    case 'damaged': {
      summary.failed += 1
      const expected = digest === null ? '' : digestText(digest)
      return { kind: 'damaged', place, expected, found: digestText(put.found) }
    }
    case 'failed':
      summary.failed += 1
      return { kind: 'failed', to, code: put.code }
    default:
      return put satisfies never
  }
}
