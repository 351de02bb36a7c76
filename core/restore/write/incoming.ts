import { settled } from '../../dropped-errors.ts'
import { createHasher } from '../../platform/digest.ts'
import type { FileFacts } from '../../platform/facts.ts'
import { batchBuffers } from '../../protocol/frame-buffers.ts'
import type { StoredContent } from '../../store/query/contents.ts'
import { SMALL_BYTES } from '../archive-reader.ts'

/** A content cannot be read where it comes from: nothing is said of where it should go. */
export class NotReadable extends Error {
  override readonly name = 'NotReadable'
}

/** A content that is to be restored, wherever it comes from. */
export interface Incoming {
  facts: FileFacts
  /** Of what was stored; null: nobody knows, and only its size tells whether it is whole. */
  digest: Uint8Array | null
  /**
   * The content piece by piece, in order. No more than a little beyond its size. A piece's memory is used again once the
   * next one is asked for.
   * @throws NotReadable
   */
  pieces(): AsyncIterable<Buffer> | Iterable<Buffer>
}

/** Hands over a content, each piece with where in it that is, and tells what it was. */
export async function readAll(
  { pieces }: Pick<Incoming, 'pieces'>,
  take: (piece: Buffer, position: number) => Promise<void> | void,
): Promise<{ digest: Buffer; size: number }> {
  const hasher = createHasher()
  let size = 0
  for await (const piece of pieces()) {
    hasher.update(piece)
    await take(piece, size)
    size += piece.length
  }
  return { digest: hasher.digest(), size }
}

/** A larger content is asked for in parts, so many of them ahead. */
const PART_BYTES = 1024 * 1024
const PARTS_AHEAD = 6

/** Some bytes of a content: fewer than were asked for where it ends. @throws NotReadable */
type ReadPart = (content: StoredContent, from: number, bytes: number) => Promise<Buffer>

/** A content that is read part by part, of any size. */
export async function incomingOfParts(content: StoredContent, readPart: ReadPart): Promise<Incoming> {
  const { facts, digest } = content
  if (facts.size > SMALL_BYTES) return { facts, digest, pieces: () => inParts(content, readPart) }
  const bytes = await readPart(content, 0, facts.size)
  return { facts, digest, pieces: () => [bytes] }
}

async function* inParts(content: StoredContent, readPart: ReadPart): AsyncGenerator<Buffer> {
  const { size } = content.facts
  const ahead: Promise<Buffer>[] = []
  let asked = 0
  const askMore = () => {
    while (asked < size && ahead.length < PARTS_AHEAD) {
      const part = readPart(content, asked, Math.min(PART_BYTES, size - asked))
      // It may fail while an earlier one is waited for.
      void settled(part)
      ahead.push(part)
      asked += PART_BYTES
    }
  }
  for (askMore(); ahead.length > 0; askMore()) {
    const piece = await ahead.shift()
    if (piece === undefined || piece.length === 0) return
    yield piece
    // As large as a frame may be, it came alone in it.
    if (piece.length === PART_BYTES) batchBuffers.give(piece)
  }
}
