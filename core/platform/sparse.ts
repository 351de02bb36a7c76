/** Runs of zeros of this size become holes: the smallest block that file systems allocate separately. */
const HOLE_BYTES = 4096

const ZEROS = Buffer.alloc(64 * 1024)

/** True if these bytes are all zero. */
export function isZero(bytes: Uint8Array): boolean {
  // Most pieces that are not all zero have a first or last byte that is not.
  if (bytes.length === 0) return true
  if (bytes[0] !== 0 || bytes[bytes.length - 1] !== 0) return false
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const piece = bytes.subarray(at, at + ZEROS.length)
    if (ZEROS.compare(piece, 0, piece.length, 0, piece.length) !== 0) return false
  }
  return true
}

/** Yields the runs of a content that are not zeros, for a file from `position` on. */
export function* findDataRuns(
  bytes: Uint8Array,
  position: number,
): Generator<{ bytes: Uint8Array; position: number }> {
  let begin = -1
  const from = position % HOLE_BYTES
  for (
    let at = from === 0 ? 0 : HOLE_BYTES - from, last = 0;
    last < bytes.length;
    last = at, at += HOLE_BYTES
  ) {
    const end = Math.min(at, bytes.length)
    if (end === last) continue
    const isHole = end - last === HOLE_BYTES && isZero(bytes.subarray(last, end))
    if (!isHole && begin < 0) begin = last
    if (isHole && begin >= 0) {
      yield { bytes: bytes.subarray(begin, last), position: position + begin }
      begin = -1
    }
  }
  if (begin >= 0) yield { bytes: bytes.subarray(begin), position: position + begin }
}

/** Yields this number of zeros, in pieces that share the same memory. */
export function* zeros(count: number): Generator<Uint8Array> {
  for (let left = count; left > 0; left -= ZEROS.length) yield ZEROS.subarray(0, Math.min(left, ZEROS.length))
}
