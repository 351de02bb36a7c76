import zlib from 'node:zlib'

// Compression of payloads with Zstandard (RFC 8878). A compressed payload is the number of its bytes (4, big endian) and
// one Zstandard frame (PROTOCOL.md, "Compression").

/** False for a runtime without Zstandard: Node.js before 22.15. Such an end neither sends nor takes compressed payloads. */
export const hasCompression = typeof zlib.zstdCompressSync === 'function'

/** Length of the number before the Zstandard frame. */
const SIZE_BYTES = 4
const { ZSTD_c_compressionLevel: LEVEL, ZSTD_d_windowLogMax: MOST_WINDOW } = zlib.constants
/** The fastest level with good results: 400 MB/s for text, which takes a third to a sixth, and 2 GB/s for random bytes. */
const FAST = 1
/** Decompression refuses larger windows than 2 MiB, which no payload needs. */
const WINDOW_LOG = 21
/** The least that Node.js takes. */
const LEAST_CHUNK = 64

/** Smaller payloads are not compressed. */
const LEAST_BYTES = 4 * 1024
/** A payload is sent uncompressed unless compression makes its beginning smaller than this part of it. */
const MOST_PART = 0.9
/** The beginning that is tried. Trying whole payloads of random bytes leaves garbage that costs a quarter of the rate. */
const SAMPLE_BYTES = 8 * 1024

/** Number of payloads that are sent uncompressed, without a trial, after one that did not shrink. */
const SKIPPED = 3

/** CPU time of this process, per second, above which compression would slow it down. */
const BUSY = 0.5
/** Time after which the CPU time is measured again. */
const MEASURE_MS = 500
/**
 * Payloads are sent uncompressed for this time after two measurements above BUSY. A single one may be a moment of other
 * work: opening data streams takes 0.3 s.
 */
const REST_MS = 5_000

/** Measures whether this process is busy. */
export class CpuMeter {
  readonly #now: () => number
  readonly #cpuMs: () => number
  #measuredAt: number
  #cpuMsThen: number
  #wasBusy = false
  #busyUntil = Number.NEGATIVE_INFINITY

  constructor(now = () => performance.now(), cpuMs = readCpuMs) {
    this.#now = now
    this.#cpuMs = cpuMs
    this.#measuredAt = now()
    this.#cpuMsThen = cpuMs()
  }

  get isBusy(): boolean {
    const now = this.#now()
    const ms = now - this.#measuredAt
    if (ms >= MEASURE_MS) {
      const cpuMs = this.#cpuMs()
      const isBusy = (cpuMs - this.#cpuMsThen) / ms > BUSY
      if (isBusy && this.#wasBusy) this.#busyUntil = now + REST_MS
      this.#wasBusy = isBusy
      this.#measuredAt = now
      this.#cpuMsThen = cpuMs
    }
    return now < this.#busyUntil
  }
}

function readCpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

/** The meter of all connections: they share the processor. */
const cpuMeter = new CpuMeter()

/** Decides which payloads of a connection are compressed. */
export class Compressor {
  readonly #meter: Pick<CpuMeter, 'isBusy'>
  /** Number of payloads that are not tried. */
  #skipped = 0

  constructor(meter: Pick<CpuMeter, 'isBusy'> = cpuMeter) {
    this.#meter = meter
  }

  /** Returns the compressed payload; null: the payload is sent uncompressed. */
  compress(payload: readonly Uint8Array[]): Buffer | null {
    if (this.#skipped > 0) {
      this.#skipped -= 1
      return null
    }
    const whole = join(payload)
    if (whole.length < LEAST_BYTES || this.#meter.isBusy) return null
    const packed = shrinks(whole.subarray(0, SAMPLE_BYTES)) ? compress(whole) : null
    // The rest may not shrink: a longer payload could exceed the limit of its frame.
    if (packed !== null && packed.length < whole.length) return packed
    this.#skipped = SKIPPED
    return null
  }
}

function shrinks(sample: Uint8Array): boolean {
  return pack(sample).length <= sample.length * MOST_PART
}

/** Returns a payload in compressed form, whatever its size is. */
export function compress(payload: Uint8Array): Buffer {
  const packed = pack(payload)
  const result = Buffer.allocUnsafe(SIZE_BYTES + packed.length)
  result.writeUInt32BE(payload.length, 0)
  packed.copy(result, SIZE_BYTES)
  return result
}

const join = ([first, ...others]: readonly Uint8Array[]): Uint8Array =>
  first !== undefined && others.length === 0
    ? first
    : Buffer.concat(first === undefined ? [] : [first, ...others])

const pack = (bytes: Uint8Array): Buffer => zlib.zstdCompressSync(bytes, { params: { [LEVEL]: FAST } })

/** Returns the size that a compressed payload announces; null: it is too short to have one. */
export function readSize(payload: Uint8Array): number | null {
  if (payload.length <= SIZE_BYTES) return null
  return Buffer.from(payload.buffer, payload.byteOffset, SIZE_BYTES).readUInt32BE(0)
}

/**
 * Returns the payload of a compressed one. Ignores bytes behind the Zstandard frame.
 * @throws if it has no valid frame, or another size than it announces.
 */
export function decompress(payload: Buffer, size: number): Buffer {
  const bytes = zlib.zstdDecompressSync(payload.subarray(SIZE_BYTES), {
    ...{ maxOutputLength: size, chunkSize: Math.max(LEAST_CHUNK, size) },
    params: { [MOST_WINDOW]: WINDOW_LOG },
  })
  if (bytes.length !== size) throw new RangeError(`${bytes.length} bytes instead of ${size}`)
  return bytes
}
