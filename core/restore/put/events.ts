/** One content, for a list. */
export interface Listed {
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
  | { kind: 'failed'; to: string; code: string }

export type RestoreEvent =
  | Put
  | { kind: 'listed'; listed: Listed }
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
