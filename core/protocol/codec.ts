import { Packr, Unpackr } from 'msgpackr'
import { decompress, hasCompression, readSize } from './compression.ts'
import { batchBuffers, chunkBuffers, countUsed, type FrameBuffers } from './frame-buffers.ts'
import {
  type Frame,
  type FrameHeader,
  type FrameType,
  findFrameType,
  frameKinds,
  getLimits,
} from './frames.ts'
import { COMPRESSED, PREFIX_BYTES } from './limits.ts'

/** The peer broke the protocol; the connection ends. The reason is for the logs. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
}

// A property without a value is left out: MessagePack has no `undefined`, and msgpackr writes it as an extension.
// The package's types lack skipValues.
const packrOptions = { useRecords: false, variableMapSize: true, skipValues: [undefined] }
const packr = new Packr(packrOptions)
const unpackr = new Unpackr({
  useRecords: false,
  mapsAsObjects: true,
  int64AsType: 'number',
  // Copies binary values: digests and attributes outlive the frame, whose memory may be transferred to a thread.
  copyBuffers: true,
})

/**
 * Encodes a frame, as pieces to be written one after the other.
 * @param compressed the payload is a compressed one (compression.ts).
 */
export function encodeFrame<T extends FrameType>(
  type: T,
  header: FrameHeader<T>,
  payload: readonly Uint8Array[] = [],
  { compressed = false } = {},
): Uint8Array[] {
  const { maxHeader, maxPayload } = getLimits(type)
  const packed = packr.pack(header)
  const payloadBytes = payload.reduce((sum, piece) => sum + piece.length, 0)
  // A compressed payload is one piece.
  const [contents] = payload
  const size = compressed && contents !== undefined ? (readSize(contents) ?? 0) : payloadBytes
  if (packed.length > maxHeader || size > maxPayload || payloadBytes > maxPayload)
    throw new RangeError(`${type} frame too large: ${packed.length} + ${size} bytes`)
  const front = Buffer.allocUnsafe(PREFIX_BYTES + packed.length)
  front[0] = frameKinds[type].code | (compressed ? COMPRESSED : 0)
  front.writeUInt32BE(packed.length, 1)
  front.writeUInt32BE(payloadBytes, 5)
  packed.copy(front, PREFIX_BYTES)
  const isOne = payload.length === 1 && contents !== undefined
  const whole = isOne ? getBuffers(type)?.withFront(front, contents) : null
  return whole == null ? [front, ...payload] : [whole]
}

/**
 * Decodes a stream of bytes into frames.
 * @param allowed returns true for types that are allowed now. A wrong type or size is refused by the prefix, before
 * memory is allocated.
 */
export function createFrameDecoder(allowed: (type: FrameType) => boolean) {
  const prefix = Buffer.alloc(PREFIX_BYTES)
  let prefixed = 0
  let current: {
    type: FrameType
    headerBytes: number
    body: Buffer
    filled: number
    isCompressed: boolean
  } | null = null

  const begin = (): typeof current => {
    const code = prefix[0] ?? 0
    const isCompressed = hasCompression && (code & COMPRESSED) !== 0
    const type = findFrameType(isCompressed ? code & ~COMPRESSED : code)
    if (type === null) throw new ProtocolError(`unknown frame type ${code}`)
    if (!allowed(type)) throw new ProtocolError(`${type} frame not expected now`)
    const { maxHeader, maxPayload } = getLimits(type)
    if (isCompressed && maxPayload === 0) throw new ProtocolError(`${type}: compressed, without a payload`)
    const headerBytes = prefix.readUInt32BE(1)
    const payloadBytes = prefix.readUInt32BE(5)
    if (headerBytes > maxHeader) throw new ProtocolError(`${type}: header of ${headerBytes} bytes`)
    if (payloadBytes > maxPayload) throw new ProtocolError(`${type}: payload of ${payloadBytes} bytes`)
    return { type, headerBytes, body: roomFor(type, headerBytes, payloadBytes), filled: 0, isCompressed }
  }

  return {
    /**
     * Decodes the next bytes. The payload of a chunk or a batch has separate memory, which may be returned to
     * frame-buffers.ts after use.
     * @throws ProtocolError if the peer breaks the protocol; later bytes cannot be decoded
     */
    push(bytes: Buffer, onFrame: (frame: Frame) => void) {
      let at = 0
      // A frame without a header or payload is complete with its prefix.
      while (at < bytes.length || (current !== null && current.filled === current.body.length)) {
        if (current === null) {
          const copied = bytes.copy(prefix, prefixed, at, at + PREFIX_BYTES - prefixed)
          prefixed += copied
          at += copied
          if (prefixed < PREFIX_BYTES) return
          current = begin()
          prefixed = 0
        }
        if (current === null) return
        const copied = bytes.copy(current.body, current.filled, at)
        current.filled += copied
        at += copied
        if (current.filled < current.body.length) return
        const { type, body, headerBytes, isCompressed } = current
        current = null
        onFrame(decodeFrame(type, isCompressed ? expand(type, body, headerBytes) : body, headerBytes))
      }
    },
  }
}

/** Returns memory for a frame's header and payload: a reusable buffer for large frames. */
function roomFor(type: FrameType, headerBytes: number, payloadBytes: number): Buffer {
  const buffers = getBuffers(type)
  const bytes = headerBytes + payloadBytes
  return buffers?.fits(bytes) ? buffers.takeFrame(headerBytes, payloadBytes) : Buffer.allocUnsafeSlow(bytes)
}

/** Returns the frame with its payload decompressed, in memory as for a frame that was not compressed. */
function expand(type: FrameType, body: Buffer, headerBytes: number): Buffer {
  const payload = body.subarray(headerBytes)
  const size = readSize(payload)
  if (size === null || size > getLimits(type).maxPayload)
    throw new ProtocolError(`${type}: compressed payload of ${size ?? 'no'} bytes`)
  try {
    const bytes = decompress(payload, size)
    const whole = roomFor(type, headerBytes, size)
    body.copy(whole, 0, 0, headerBytes)
    bytes.copy(whole, headerBytes)
    getBuffers(type)?.give(body)
    // zstd has filled one buffer of this size, and allocated the next one.
    countUsed(2 * size)
    return whole
  } catch (error) {
    throw new ProtocolError(`${type}: payload cannot be decompressed: ${String(error)}`)
  }
}

function getBuffers(type: FrameType): FrameBuffers | null {
  if (type === 'chunk') return chunkBuffers
  return type === 'batch' || type === 'content' ? batchBuffers : null
}

function decodeFrame(type: FrameType, body: Buffer, headerBytes: number): Frame {
  const packed = body.subarray(0, headerBytes)
  if (!isPlainMessagePack(packed)) throw new ProtocolError(`${type}: header is not plain MessagePack`)
  let value: unknown
  try {
    value = unpackr.unpack(packed)
  } catch (error) {
    throw new ProtocolError(`${type}: header cannot be decoded: ${String(error)}`)
  }
  const checked = frameKinds[type].header.safeParse(value)
  if (!checked.success) {
    const issue = checked.error.issues[0]
    throw new ProtocolError(`${type}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}`)
  }
  // The header was validated with the schema of this type.
  return { type, header: checked.data, payload: takePayload(body, headerBytes) } as Frame
}

/**
 * Returns the payload of a frame. Copies it if the header is longer: a pending payload keeps the frame's memory, and
 * credit only counts the payload.
 */
function takePayload(body: Buffer, headerBytes: number): Buffer {
  const payload = body.subarray(headerBytes)
  if (headerBytes <= payload.length) return payload
  const own = Buffer.allocUnsafeSlow(payload.length)
  payload.copy(own)
  return own
}

/** Maximum nesting of a header. Valid headers have 3 levels; deeper ones are an attack. */
const MAX_DEPTH = 8

/**
 * True if `bytes` is exactly one MessagePack value of plain types whose announced lengths all fit into it
 * (https://github.com/msgpack/msgpack/blob/master/spec.md). Must be checked before decoding: a decoder allocates the
 * announced lengths, this check allocates nothing. Extension types are not plain; the protocol does not use them.
 */
export function isPlainMessagePack(bytes: Buffer): boolean {
  return endOfValue(bytes, 0, 0) === bytes.length
}

/** Returns the offset after the value at `at`, or -1 if it is not well formed. */
function endOfValue(bytes: Buffer, at: number, depth: number): number {
  if (at >= bytes.length || depth > MAX_DEPTH) return -1
  const tag = bytes[at] ?? 0
  const next = at + 1
  if (tag <= 0x7f || tag >= 0xe0) return next
  if (tag <= 0x8f) return endOfValues(bytes, next, (tag & 0x0f) * 2, depth)
  if (tag <= 0x9f) return endOfValues(bytes, next, tag & 0x0f, depth)
  if (tag <= 0xbf) return within(bytes, next + (tag & 0x1f))
  switch (tag) {
    case 0xc0: // nil
    case 0xc2: // false
    case 0xc3: // true
      return next
    case 0xc4: // bin 8, 16, 32
    case 0xd9: // str 8
      return skip(bytes, next, 1)
    case 0xc5:
    case 0xda:
      return skip(bytes, next, 2)
    case 0xc6:
    case 0xdb:
      return skip(bytes, next, 4)
    case 0xcc: // uint 8, int 8
    case 0xd0:
      return within(bytes, next + 1)
    case 0xcd:
    case 0xd1:
      return within(bytes, next + 2)
    case 0xca: // float 32
    case 0xce:
    case 0xd2:
      return within(bytes, next + 4)
    case 0xcb: // float 64
    case 0xcf:
    case 0xd3:
      return within(bytes, next + 8)
    case 0xdc: // array 16, 32
      return elements(bytes, next, 2, 1, depth)
    case 0xdd:
      return elements(bytes, next, 4, 1, depth)
    case 0xde: // map 16, 32
      return elements(bytes, next, 2, 2, depth)
    case 0xdf:
      return elements(bytes, next, 4, 2, depth)
    default: // ext, and 0xc1, which is never used
      return -1
  }
}

function within(bytes: Buffer, end: number): number {
  return end <= bytes.length ? end : -1
}

function lengthAt(bytes: Buffer, at: number, width: 1 | 2 | 4): number {
  return at + width <= bytes.length ? bytes.readUIntBE(at, width) : -1
}

function skip(bytes: Buffer, at: number, width: 1 | 2 | 4): number {
  const length = lengthAt(bytes, at, width)
  return length < 0 ? -1 : within(bytes, at + width + length)
}

function elements(bytes: Buffer, at: number, width: 2 | 4, each: 1 | 2, depth: number): number {
  const length = lengthAt(bytes, at, width)
  return length < 0 ? -1 : endOfValues(bytes, at + width, length * each, depth)
}

function endOfValues(bytes: Buffer, at: number, values: number, depth: number): number {
  // Every value takes at least one byte: an impossible length is refused before the loop.
  if (values > bytes.length - at) return -1
  let end = at
  for (let index = 0; index < values && end >= 0; index += 1) end = endOfValue(bytes, end, depth + 1)
  return end
}
