/** One content, for a list. */
export interface Listed {
  sender: string
  source: string
  path: string
  version: string | null
  size: number
  /** Milliseconds since 1970. */
  mtimeMs: number
  storedAt: number | null
  replacedAt: number | null
}

export type RestoreEvent =
  | { kind: 'listed'; listed: Listed }
  | { kind: 'restored' | 'same' | 'exists' | 'inTheWay'; to: string; verified: boolean }
  /** `changed`: its size or its time differs, too. */
  | { kind: 'damaged' | 'changed'; place: string; expected: string; found: string }
  /** Whether it was there at the time that was asked for, or a newer one, cannot be known. */
  | { kind: 'unsure'; place: string }
  | { kind: 'unreadable'; place: string; code: string }
  /** It is neither a file nor a directory. */
  | { kind: 'strange'; place: string }
  /** The manifest knows it, the disk does not have it. */
  | { kind: 'missing'; place: string }
  | { kind: 'failed'; to: string; code: string }

export interface RestoreSummary {
  files: number
  bytes: number
  restored: number
  same: number
  unverified: number
  failed: number
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
  unverified: 0,
  failed: 0,
})
