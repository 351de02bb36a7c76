import { Packr, Unpackr } from 'msgpackr'
import { batchBuffers, chunkBuffers, type FrameBuffers } from './frame-buffers.ts'
import {
  type Frame,
  type FrameHeader,
  type FrameType,
  findFrameType,
  frameKinds,
  getLimits,
} from './frames.ts'
import { PREFIX_BYTES } from './limits.ts'
import { isPlainMessagePack } from './msgpack-shape.ts'

/** The peer broke the protocol; the connection ends. The reason is for the logs. */
export class WireFault extends Error {
  override readonly name = 'WireFault'
}

const packr = new Packr({ useRecords: false, variableMapSize: true })
const unpackr = new Unpackr({
  useRecords: false,
  mapsAsObjects: true,
  int64AsType: 'number',
  // Copies binary values: digests and attributes outlive the frame, whose memory may be transferred to a thread.
  copyBuffers: true,
})

/** Encodes a frame, as pieces to be written one after the other. */
export function encodeFrame<T extends FrameType>(
  type: T,
  header: FrameHeader<T>,
  payload: readonly Uint8Array[] = [],
): Uint8Array[] {
  const { maxHeader, maxPayload } = getLimits(type)
  const packed = packr.pack(header)
  const payloadBytes = payload.reduce((sum, piece) => sum + piece.length, 0)
  if (packed.length > maxHeader || payloadBytes > maxPayload)
    throw new RangeError(`${type} frame too large: ${packed.length} + ${payloadBytes} bytes`)
  const front = Buffer.allocUnsafe(PREFIX_BYTES + packed.length)
  front[0] = frameKinds[type].code
  front.writeUInt32BE(packed.length, 1)
  front.writeUInt32BE(payloadBytes, 5)
  packed.copy(front, PREFIX_BYTES)
  const [contents] = payload
  const isOne = payload.length === 1 && contents !== undefined
  const whole = isOne ? getBuffers(type)?.withFront(front, contents) : null
  return whole == null ? [front, ...payload] : [whole]
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

function decodeFrame(type: FrameType, body: Buffer, headerBytes: number): Frame {
  const packed = body.subarray(0, headerBytes)
  if (!isPlainMessagePack(packed)) throw new WireFault(`${type}: header is not plain MessagePack`)
  let value: unknown
  try {
    value = unpackr.unpack(packed)
  } catch (error) {
    throw new WireFault(`${type}: header cannot be decoded: ${String(error)}`)
  }
  const checked = frameKinds[type].header.safeParse(value)
  if (!checked.success) {
    const issue = checked.error.issues[0]
    throw new WireFault(`${type}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}`)
  }
  // The header was validated with the schema of this type.
  return { type, header: checked.data, payload: takePayload(body, headerBytes) } as Frame
}

function getBuffers(type: FrameType): FrameBuffers | null {
  if (type === 'chunk') return chunkBuffers
  return type === 'batch' || type === 'content' ? batchBuffers : null
}

/** Returns memory for a frame's header and payload: a reusable buffer for large frames. */
function roomFor(type: FrameType, headerBytes: number, payloadBytes: number): Buffer {
  const buffers = getBuffers(type)
  const bytes = headerBytes + payloadBytes
  return buffers?.fits(bytes) ? buffers.takeFrame(headerBytes, payloadBytes) : Buffer.allocUnsafeSlow(bytes)
}

/**
 * Decodes a stream of bytes into frames.
 * @param allowed returns true for types that are allowed now. A wrong type or size is refused by the prefix, before
 * memory is allocated.
 */
export function createFrameDecoder(allowed: (type: FrameType) => boolean) {
  const prefix = Buffer.alloc(PREFIX_BYTES)
  let prefixed = 0
  let current: { type: FrameType; headerBytes: number; body: Buffer; filled: number } | null = null

  const begin = (): typeof current => {
    const code = prefix[0] ?? 0
    const type = findFrameType(code)
    if (type === null) throw new WireFault(`unknown frame type ${code}`)
    if (!allowed(type)) throw new WireFault(`${type} frame not expected now`)
    const { maxHeader, maxPayload } = getLimits(type)
    const headerBytes = prefix.readUInt32BE(1)
    const payloadBytes = prefix.readUInt32BE(5)
    if (headerBytes > maxHeader) throw new WireFault(`${type}: header of ${headerBytes} bytes`)
    if (payloadBytes > maxPayload) throw new WireFault(`${type}: payload of ${payloadBytes} bytes`)
    return { type, headerBytes, body: roomFor(type, headerBytes, payloadBytes), filled: 0 }
  }

  return {
    /**
     * Decodes the next bytes. The payload of a chunk or a batch has separate memory, which may be returned to
     * frame-buffers.ts after use.
     * @throws WireFault if the peer breaks the protocol; later bytes cannot be decoded
     */
    push(bytes: Buffer, onFrame: (frame: Frame) => void) {
      let at = 0
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
        const { type, body, headerBytes } = current
        current = null
        onFrame(decodeFrame(type, body, headerBytes))
      }
    },
  }
}
