import type { SentContent } from '../../ledger/ledger.ts'
import { chunkBuffers } from '../../wire/frame-buffers.ts'
import type { Reading, Unsent } from '../reading/read.ts'

/** Below this a file's content is hardly longer than the question whether the receiver has it. */
const LEAST_BYTES = 1024

/** A file at the destination that should hold the same content. */
export interface CopySource {
  /** The folder of its source at the destination. */
  folder: string
  path: string
  digest: Uint8Array
}

export const isWorthCopying = (size: number): boolean => size >= LEAST_BYTES

/**
 * @param sent what is probably the same content, by the file's id.
 * @param folderOf the folder of a source at the destination, by the source's id; null: nobody knows it any more.
 */
export function copySourcesOf(
  sent: ReadonlyMap<number, SentContent>,
  folderOf: (source: string) => string | null,
): Map<number, CopySource> {
  const found = new Map<number, CopySource>()
  for (const [id, { source, path, digest }] of sent) {
    const folder = folderOf(source)
    if (folder !== null) found.set(id, { folder, path, digest })
  }
  return found
}

/**
 * The digest of what `reading` gives, if the file is still what was offered.
 * @returns null when `mayGoOn` has said no meanwhile.
 * @throws what reading throws.
 */
export async function digestOfReading(
  reading: Reading,
  mayGoOn: () => boolean,
): Promise<Buffer | Unsent | null> {
  for (let bytes = await reading.next(); bytes !== null; bytes = await reading.next()) {
    chunkBuffers.give(bytes)
    if (!mayGoOn()) return null
  }
  return reading.finish()
}
