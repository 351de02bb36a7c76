import { z } from 'zod'
import { DIGEST_TEXT } from '../../files/digest.ts'

/** One stored content. `path` is the source's name and the path below it, with "/". */
export interface StoredFile {
  folder: string
  path: string
  size: number
  /** Milliseconds since 1970. */
  mtimeMs: number
  /** Permission bits. */
  mode: number
  /** As text (digest.ts). */
  digest: string
  /** When it arrived; milliseconds since 1970. */
  storedAt: number
}

/** One change of the store. */
export type Change =
  /** `again`: this very content was there already. */
  | ({ did: 'placed'; again: boolean } & StoredFile)
  /** What was at the path, a file or a directory with all below it, became this version. */
  | { did: 'kept'; folder: string; path: string; version: string }
  /** This version, with all below it, was removed. */
  | { did: 'pruned'; folder: string; path: string; version: string }

/**
 * What is about to be done, written before it: a receiver that is killed at once leaves a version that nothing else
 * tells of. Whether it was done, the disk says.
 */
export type Intent =
  /** What is at the path becomes this version, and the file that is told of takes its place. */
  | ({ did: 'replacing'; version: string } & StoredFile)
  /** What is at the path, a file or a directory with all below it, becomes this version. */
  | { did: 'moving'; folder: string; path: string; version: string }

/** A line of the manifest's journal. */
export type Note = Change | Intent

const name = z.string().min(1)
const size = z.number().int().min(0)
const digest = z.string().regex(DIGEST_TEXT)
const line = z.union([
  z.tuple([z.literal('placed'), name, name, size, z.number(), size, digest, size, z.boolean()]),
  z.tuple([z.literal('replacing'), name, name, size, z.number(), size, digest, size, name]),
  z.tuple([z.enum(['kept', 'pruned', 'moving']), name, name, name]),
])

export function formatNote(note: Note): string {
  if (note.did !== 'placed' && note.did !== 'replacing')
    return JSON.stringify([note.did, note.folder, note.path, note.version])
  const { did, folder, path, size, mtimeMs, mode, digest, storedAt } = note
  const last = did === 'placed' ? note.again : note.version
  return JSON.stringify([did, folder, path, size, mtimeMs, mode, digest, storedAt, last])
}

/** The note of one line; null if it is none: a crash may leave half a line, and a full disk a torn one. */
export function parseNote(text: string): Note | null {
  let parsed: z.infer<typeof line>
  try {
    parsed = line.parse(JSON.parse(text))
  } catch {
    return null
  }
  if (parsed.length === 4) {
    const [did, folder, path, version] = parsed
    return { did, folder, path, version }
  }
  const [did, folder, path, size, mtimeMs, mode, digest, storedAt, last] = parsed
  const file = { folder, path, size, mtimeMs, mode, digest, storedAt }
  if (did === 'placed') return { did, ...file, again: last === true }
  return { did, ...file, version: String(last) }
}
