import { type Message, message } from '../../lib/i18n/message.ts'

/**
 * Builds the sentence about an invalid entry of a manifest.
 * @param name for display: that of a folder ends with "/"; empty: unknown.
 */
export const describeBadEntry = (list: string, name: string): Message =>
  message(name.endsWith('/') ? 'store.badFolder' : 'store.badEntry', { path: list, name: name || '?' })

/**
 * A result of verifying a file of a store. `place`: its path below the store, with "/". `isWanted`: it is requested
 * from its sender.
 */
export type Finding = { place: string } & What

type What =
  /** Its content differs from the stored one. `changed`: its size or its time differs, too. Digests as text. */
  | { kind: 'damaged' | 'changed'; expected: string; found: string; isWanted: boolean }
  /** `forgotten`: its row was removed, too. */
  | { kind: 'missing'; isWanted: boolean; forgotten: boolean }
  | { kind: 'unknown'; adopted: boolean }
  /** A link, a socket or similar: never opened, never adopted. `isRow`: an invalid row, and no file. */
  | { kind: 'strange'; isRow?: true }
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
  /** Files in cold storage, of which only size and digest were compared, as the destination has recorded them. */
  cold: 0,
  /** Files whose time, mode and digest a destination has lost. */
  lostFacts: 0,
  /** Number of damaged, changed, missing or unreadable files that are requested from their senders. */
  wanted: 0,
})

/** True if no finding needs attention; adopted and forgotten files do not count, as the user requested that. */
export function isSound(summary: VerifySummary): boolean {
  const { damaged, changed, missing, forgotten, unknown, adopted, strange, unreadable } = summary
  return damaged + changed + strange + unreadable === 0 && missing === forgotten && unknown === adopted
}
