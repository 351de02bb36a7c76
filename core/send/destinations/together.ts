import type { SmallOutgoing } from './destination.ts'

/** Contents that lie one after the other in the same memory, as they were read, as one piece; null: they do not. */
export function together(files: readonly SmallOutgoing[]): Uint8Array | null {
  const [first] = files
  if (first === undefined) return null
  const { buffer, byteOffset } = first.bytes
  let end = byteOffset
  for (const { bytes } of files) {
    if (bytes.buffer !== buffer || bytes.byteOffset !== end) return null
    end += bytes.length
  }
  return new Uint8Array(buffer, byteOffset, end - byteOffset)
}
