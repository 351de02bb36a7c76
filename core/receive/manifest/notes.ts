import { z } from 'zod'

/** One stored content. `path` is the source's name and the path below it, with "/". */
export interface StoredFile {
  folder: string
  path: string
  size: number
  /** Milliseconds since 1970. */
  mtimeMs: number
  /** Permission bits. */
  mode: number
  /** SHA-256, in lower-case hexadecimal digits. */
  digest: string
  /** When it arrived; milliseconds since 1970. */
  storedAt: number
}

/** One change of the store, as it stands in the manifest's journal. */
export type Note =
  /** `again`: this very content was there already. */
  | ({ did: 'placed'; again: boolean } & StoredFile)
  /** What was at the path, a file or a directory with all below it, became this version. */
  | { did: 'kept'; folder: string; path: string; version: string }
  /** This version, with all below it, was removed. */
  | { did: 'pruned'; folder: string; path: string; version: string }

const name = z.string().min(1)
const size = z.number().int().min(0)
const line = z.union([
  z.tuple([z.literal('placed'), name, name, size, z.number(), size, z.hex().length(64), size, z.boolean()]),
  z.tuple([z.enum(['kept', 'pruned']), name, name, name]),
])

export function formatNote(note: Note): string {
  if (note.did !== 'placed') return JSON.stringify([note.did, note.folder, note.path, note.version])
  const { folder, path, size, mtimeMs, mode, digest, storedAt, again } = note
  return JSON.stringify([note.did, folder, path, size, mtimeMs, mode, digest, storedAt, again])
}

/** The note of one line; null if it is none: a crash may leave half a line, and a full disk a torn one. */
export function parseNote(text: string): Note | null {
  let parsed: z.infer<typeof line>
  try {
    parsed = line.parse(JSON.parse(text))
  } catch {
    return null
  }
  if (parsed[0] !== 'placed') {
    const [did, folder, path, version] = parsed
    return { did, folder, path, version }
  }
  const [did, folder, path, size, mtimeMs, mode, digest, storedAt, again] = parsed
  return { did, folder, path, size, mtimeMs, mode, digest, storedAt, again }
}
