/** One thing that is not as the manifest says. `place` is the path below the store's root. */
export type Finding = {
  place: string
} /** Its content differs while its size and time are the same: it rotted on the disk. */ & (
  | { kind: 'damaged'; expected: string; found: string }
  /** Its size or its time differs, too: somebody, or something, wrote it. */
  | { kind: 'changed'; expected: string; found: string }
  | { kind: 'missing' }
  /** The manifest does not know it. `adopted`: now it does. */
  | { kind: 'unknown'; adopted: boolean }
  /** Neither a file nor a directory: a symbolic link, a pipe, a device. Never followed, never adopted. */
  | { kind: 'strange' }
  | { kind: 'unreadable'; code: string }
)

export interface Progress {
  files: number
  bytes: number
  totalFiles: number
  totalBytes: number
}

export interface VerifySummary {
  files: number
  bytes: number
  damaged: number
  changed: number
  missing: number
  unknown: number
  adopted: number
  strange: number
  unreadable: number
}

export const emptySummary = (): VerifySummary => ({
  files: 0,
  bytes: 0,
  damaged: 0,
  changed: 0,
  missing: 0,
  unknown: 0,
  adopted: 0,
  strange: 0,
  unreadable: 0,
})

/** Whether nothing was found that needs a person; what was adopted was wanted. */
export function isSound(summary: VerifySummary): boolean {
  const { damaged, changed, missing, unknown, adopted, strange, unreadable } = summary
  return damaged + changed + missing + strange + unreadable === 0 && unknown === adopted
}
