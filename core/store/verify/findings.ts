/**
 * What is wrong with one file of a store, or what has become of it. `place`: below the store, with "/". `isWanted`: its
 * sender is asked for it.
 */
export type Finding = { place: string } & What

type What =
  /** Its content is not what was stored. `changed`: its size or its time differs, too. Digests as text. */
  | { kind: 'damaged' | 'changed'; expected: string; found: string; isWanted: boolean }
  /** `forgotten`: its row is gone, too. */
  | { kind: 'missing'; isWanted: boolean; forgotten: boolean }
  | { kind: 'unknown'; adopted: boolean }
  /** A link, a socket and the like: never opened, never adopted. */
  | { kind: 'strange' }
  | { kind: 'unreadable'; code: string; isWanted: boolean }

export interface VerifyProgress {
  files: number
  bytes: number
  totalFiles: number
  totalBytes: number
}

export type VerifySummary = ReturnType<typeof emptySummary>

export const emptySummary = () => ({
  files: 0,
  bytes: 0,
  damaged: 0,
  changed: 0,
  missing: 0,
  unknown: 0,
  adopted: 0,
  forgotten: 0,
  strange: 0,
  unreadable: 0,
  /** Of what is damaged, changed, missing or unreadable: so many its senders are asked for. */
  wanted: 0,
})

/** Whether nothing was found that needs a person; what was adopted, or forgotten, was to be. */
export function isSound(summary: VerifySummary): boolean {
  const { damaged, changed, missing, forgotten, unknown, adopted, strange, unreadable } = summary
  return damaged + changed + strange + unreadable === 0 && missing === forgotten && unknown === adopted
}
