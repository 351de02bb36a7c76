import { createHasher } from '../../files/digest.ts'
import type { FileFacts } from '../../files/facts.ts'

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
  pieces(): AsyncIterable<Buffer>
}

/** The pieces of a content that has come as a whole. */
export async function* wholeOf(bytes: Buffer): AsyncGenerator<Buffer> {
  if (bytes.length > 0) yield bytes
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
