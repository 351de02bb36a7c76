/** Maximum nesting. Valid headers have 3 levels; deeper ones are an attack. */
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
