import zlib from 'node:zlib'

// Compression of payloads with Zstandard (RFC 8878), while the line limits a connection. A compressed payload is the
// number of its bytes (4, big endian) and one Zstandard frame (PROTOCOL.md, "Compression").

/** False for a runtime without Zstandard: Node.js before 22.15. Such an end neither sends nor takes compressed payloads. */
export const hasCompression = typeof zlib.zstdCompressSync === 'function'

/** Length of the number before the Zstandard frame. */
const SIZE_BYTES = 4
const { ZSTD_c_compressionLevel: LEVEL, ZSTD_d_windowLogMax: MOST_WINDOW } = zlib.constants
/** The fastest level with good results: 400 MB/s, and measurements as text take a third to a fifth. */
const FAST = 1
/** Decompression never takes more memory than a window of 2 MiB, which no payload exceeds. */
const WINDOW_LOG = 21

/** Smaller payloads are not worth it. */
const LEAST_BYTES = 4 * 1024
/** A payload is sent uncompressed unless compression makes it smaller than this part of it. */
const MOST_PART = 0.9
/** Number of payloads that are not tried after such a one; it doubles each time, up to the limit. */
const SKIPPED = { first: 4, most: 64 }

/** Time after which it is judged again whether the line limits the connection. */
const JUDGED_MS = 500
/** Compression begins when the connection's buffer was full for at least this part of that time. */
const LEAST_WAITED = 0.5
/**
 * Bytes per second. On a faster line compression takes longer than sending. Compression continues while the line carries
 * less, since compressed bytes seldom fill the buffer.
 */
const FASTEST_LINE = 32 * 1024 * 1024

/** Decides which payloads of a connection are compressed, and compresses them. */
export class Compressor {
  readonly #now: () => number
  #judgedAt: number
  #bytesThen = 0
  #waitedMs = 0
  #waitsSince: number | null = null
  #isSlowLine = false
  /** Payloads that are not tried, and how many after the next one that does not shrink. */
  #skipped = 0
  #skippedNext = SKIPPED.first

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
    this.#judgedAt = now()
  }

  /** Notes whether the connection's buffer is full. */
  noteFull(isFull: boolean): void {
    if (isFull === (this.#waitsSince !== null)) return
    const now = this.#now()
    if (this.#waitsSince !== null) this.#waitedMs += now - this.#waitsSince
    this.#waitsSince = isFull ? now : null
  }

  /**
   * Returns the compressed payload; null: the payload is sent uncompressed.
   * @param sentBytes number of bytes that the connection has sent so far.
   */
  compress(payload: readonly Uint8Array[], sentBytes: number): Buffer | null {
    const bytes = payload.reduce((sum, piece) => sum + piece.length, 0)
    if (bytes < LEAST_BYTES || !this.#isLineSlow(sentBytes)) return null
    if (this.#skipped > 0) {
      this.#skipped -= 1
      return null
    }
    const [first, ...others] = payload
    const whole = first !== undefined && others.length === 0 ? first : Buffer.concat(payload)
    const packed = zlib.zstdCompressSync(whole, { params: { [LEVEL]: FAST } })
    if (SIZE_BYTES + packed.length > bytes * MOST_PART) {
      this.#skipped = this.#skippedNext
      this.#skippedNext = Math.min(2 * this.#skippedNext, SKIPPED.most)
      return null
    }
    this.#skippedNext = SKIPPED.first
    const result = Buffer.allocUnsafe(SIZE_BYTES + packed.length)
    result.writeUInt32BE(bytes, 0)
    packed.copy(result, SIZE_BYTES)
    return result
  }

  #isLineSlow(sentBytes: number): boolean {
    const now = this.#now()
    const ms = now - this.#judgedAt
    if (ms < JUDGED_MS) return this.#isSlowLine
    if (this.#waitsSince !== null) {
      this.#waitedMs += now - this.#waitsSince
      this.#waitsSince = now
    }
    const rate = ((sentBytes - this.#bytesThen) / ms) * 1000
    const hasWaited = this.#waitedMs / ms >= LEAST_WAITED
    this.#isSlowLine = (this.#isSlowLine || hasWaited) && rate < FASTEST_LINE
    this.#judgedAt = now
    this.#bytesThen = sentBytes
    this.#waitedMs = 0
    return this.#isSlowLine
  }
}

/** Returns the size that a compressed payload announces; null: it is too short to have one. */
export function readSize(payload: Buffer): number | null {
  return payload.length <= SIZE_BYTES ? null : payload.readUInt32BE(0)
}

/**
 * Returns the payload of a compressed one.
 * @throws if it is not valid, or has not the announced size. It never takes more memory than that.
 */
export function decompress(payload: Buffer, size: number): Buffer {
  const options = { maxOutputLength: size, params: { [MOST_WINDOW]: WINDOW_LOG } }
  const bytes = zlib.zstdDecompressSync(payload.subarray(SIZE_BYTES), options)
  if (bytes.length !== size) throw new RangeError(`${bytes.length} bytes instead of ${size}`)
  return bytes
}
