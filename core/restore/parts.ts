import { createHasher, digestOf } from '../files/digest.ts'
import type { StoredContent } from '../store/reading/contents.ts'
import type { Incoming, Take } from '../store/restore/incoming.ts'
import { batchBuffers } from '../wire/frame-buffers.ts'
import { SMALL_BYTES } from './library.ts'

/** A larger content is asked for in parts, so many of them ahead. */
const PART_BYTES = 1024 * 1024
const PARTS_AHEAD = 6

/** Some bytes of a content: fewer than were asked for where it ends. @throws NotReadable */
export type ReadPart = (content: StoredContent, from: number, bytes: number) => Promise<Buffer>

/** A content that is read part by part, of any size. */
export async function incomingOfParts(content: StoredContent, readPart: ReadPart): Promise<Incoming> {
  const { facts } = content
  const digest = content.digest === null ? null : Buffer.from(content.digest)
  if (facts.size > SMALL_BYTES) return { facts, digest, read: (take) => readInParts(content, readPart, take) }
  const bytes = await readPart(content, 0, facts.size)
  return {
    facts,
    digest,
    async read(take) {
      if (bytes.length > 0) await take(bytes, 0)
      return { digest: digestOf(bytes), size: bytes.length }
    },
  }
}

async function readInParts(
  content: StoredContent,
  readPart: ReadPart,
  take: Take,
): Promise<{ digest: Buffer; size: number }> {
  const { size } = content.facts
  const hasher = createHasher()
  const ahead: Promise<Buffer>[] = []
  let asked = 0
  let position = 0
  const askMore = () => {
    while (asked < size && ahead.length < PARTS_AHEAD) {
      const part = readPart(content, asked, Math.min(PART_BYTES, size - asked))
      // It may fail while an earlier one is waited for.
      part.catch(() => undefined)
      ahead.push(part)
      asked += PART_BYTES
    }
  }
  for (askMore(); ahead.length > 0; askMore()) {
    const piece = await ahead.shift()
    if (piece === undefined || piece.length === 0) break
    hasher.update(piece)
    await take(piece, position)
    position += piece.length
    // As large as a frame may be, it came alone in it.
    if (piece.length === PART_BYTES) batchBuffers.give(piece)
  }
  return { digest: hasher.digest(), size: position }
}
