import type { SentContent } from '../../ledger/ledger.ts'
import { chunkBuffers } from '../../wire/frame-buffers.ts'
import type { Reading, Unsent } from '../reading/read.ts'
import type { OutgoingSource } from '../session/session.ts'

/** Where the destination may have the content of a file already. */
export interface CopySource {
  /** The source that it was sent from, and where that is here. */
  source: OutgoingSource & { root: string }
  path: string
  /** What it has there; null: nobody knows, and whatever the file holds is asked for. */
  digest: Uint8Array | null
}

/**
 * @param sent what is probably the same content, by the file's id.
 * @param sourceOf a source by its id; null: nobody knows it any more.
 */
export function copySourcesOf(
  sent: ReadonlyMap<number, SentContent>,
  sourceOf: (source: string) => CopySource['source'] | null,
): Map<number, CopySource> {
  const found = new Map<number, CopySource>()
  for (const [id, { source: sourceId, path, digest }] of sent) {
    const source = sourceOf(sourceId)
    if (source !== null) found.set(id, { source, path, digest })
  }
  return found
}

/** Whether a content may be what the destination has. */
export const mayBe = ({ digest: wanted }: CopySource, digest: Buffer): boolean =>
  wanted === null || digest.equals(wanted)

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
