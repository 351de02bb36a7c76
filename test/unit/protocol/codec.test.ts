// @module-tag timeless
import zlib from 'node:zlib'
import { describe, expect, test } from 'vitest'
import {
  createFrameDecoder,
  encodeFrame,
  isPlainMessagePack,
  ProtocolError,
} from '../../../core/protocol/codec.ts'
import type { SmallFile } from '../../../core/protocol/frames.ts'
import { type Frame, type FrameType, frameKinds, getLimits } from '../../../core/protocol/frames.ts'
import type { EncodedMetadata } from '../../../core/protocol/metadata-codec.ts'
import { createRandom, newSeed } from '../../support/transfer/transfer.ts'
import { statusHeader } from '../../support/transfer/wire-client.ts'

const digest = Buffer.alloc(32, 7)
const facts: EncodedMetadata = [1_700_000_000, 123_456_789, 0o644, 1000, 100, null]
const odd: EncodedMetadata = [
  -2,
  500_000_000,
  0,
  0,
  2 ** 32 - 1,
  { attributes: { 'user.x': digest }, sparse: true },
]

/** One frame of every kind. */
const samples: Uint8Array[][] = [
  encodeFrame('hello', {
    protocol: 1,
    name: 'Büro 一',
    purpose: 'send',
    session: { epoch: 'ab12', position: 2 ** 40, last: null, next: 'cd' },
  }),
  encodeFrame('welcome', {
    protocol: 1,
    name: 'nas',
    bytes: 2 ** 40,
    files: 8192,
    session: { epoch: 'ab12', position: 7, last: 'cd', next: 'ef', isForked: true },
  }),
  encodeFrame('refused', { code: 'notPaired', reason: 'x' }),
  encodeFrame('hello', { protocol: 1, name: 'x', purpose: 'pair', session: null, code: 'abc' }),
  encodeFrame(
    'batch',
    {
      files: [
        [1, 0, 'a/b', 3, facts, digest],
        [2, 9999, '空', 0, odd, digest],
        [0xffff_ffff, 0, 'c', 2, facts, digest],
      ],
      directories: [
        [0, '', facts],
        [0, 'a', odd],
      ],
    },
    [Buffer.from('abc'), Buffer.from(''), Buffer.from('de')],
  ),
  encodeFrame('begin', {
    id: 5,
    source: 0,
    path: 'p',
    size: 2 ** 45 + 1,
    facts,
    file: '9.1',
    directories: [],
  }),
  encodeFrame('chunk', { id: 5 }, [Buffer.alloc(256 * 1024, 9)]),
  encodeFrame('chunk', { id: 5, zeros: 256 * 1024 }),
  encodeFrame('end', { id: 5, digest }),
  encodeFrame('abort', { id: 5, keep: true }),
  encodeFrame('chunk', { id: 0xffff_ffff, zeros: 256 * 1024, at: 2 ** 45 }),
  encodeFrame('abort', { id: 0xffff_ffff, keep: true, at: 2 ** 45 }),
  encodeFrame('attach', { protocol: 1, key: 'ab12' }),
  encodeFrame('exchange', { message: 'x'.repeat(427) }),
  encodeFrame('result', {
    position: 2 ** 45,
    results: [
      [1, 0, ''],
      [2, 8, 'EIO'],
    ],
  }),
  encodeFrame('resume', { id: 5, offset: 2 ** 45 }),
  encodeFrame('credit', { bytes: 12_345_678_901 }),
  encodeFrame('alive', { stalledMs: 0 }),
  encodeFrame('copy', {
    id: 6,
    source: 0,
    path: '新/p',
    size: 2 ** 45 + 1,
    facts: odd,
    digest,
    fromSource: 1,
    fromPath: 'old/p',
    moved: true,
    directories: [[0, 'new', odd]],
  }),
  encodeFrame('source', { source: 1, id: 'ab12', name: '資料' }),
  encodeFrame('prove', { id: 7, source: 1, path: 'p', size: 3, nonce: digest }),
  encodeFrame('proof', { id: 7, digest: null, reason: 'unknown ENOENT' }),
  encodeFrame('want', { files: [['ab12', '新/p']] }),
  encodeFrame('twice', { from: '192.0.2.1:4' }),
  encodeFrame('status', statusHeader({ sentence: '空'.repeat(1000) })),
  encodeFrame('status', {
    ...{ level: 'failing', kind: 'read-only', sentence: '資料 is read-only.' },
    words: { key: 'status.disk.read-only', params: { name: '資料' } },
    causes: [{ key: 'cause.stoppedWriting', params: { type: 'ext4' } }],
    ...{ oldestWaitingAt: null, waitingFiles: 0, version: '0.1.0' },
  }),
  encodeFrame('ask', {
    id: 1,
    question: { about: 'entries', folder: '資料', directory: 'a/b', after: null },
  }),
  encodeFrame('ask', { id: 2, question: { about: 'counts', folder: null, path: '資料', after: '1 0 空' } }),
  encodeFrame('told', {
    id: 2,
    answer: { about: 'counts', counts: [[2 ** 40, 1_700_000_000_000]], next: null },
  }),
  encodeFrame('told', {
    id: 1,
    answer: {
      about: 'contents',
      contents: [['資料', 'a/空', '', 2 ** 45, odd, digest, 1_700_000_000_000]],
      directories: [['資料', 'a', facts]],
      strange: 1,
      next: '1 a/空',
    },
  }),
  encodeFrame('hello', { protocol: 1, name: 'x', purpose: 'send', session: null, proposals: true }),
  encodeFrame('propose', { proposal: null }),
  encodeFrame('propose', { proposal: { id: 'ab12', by: 'wei 一', text: 'x'.repeat(64 * 1024) } }),
  encodeFrame('decided', { id: 'ab12', accepted: true, sentence: null }),
  encodeFrame('decided', {
    ...{ id: 'ab12', accepted: false, sentence: '空'.repeat(1000) },
    words: { key: 'proposal.invalid', params: { reason: '空' } },
  }),
  encodeFrame('fetch', { parts: [[9, '資料', 'a/空', '', 2 ** 45, 1024]] }),
  encodeFrame(
    'content',
    {
      parts: [
        [9, 3, ''],
        [10, 0, 'ENOENT'],
      ],
    },
    [Buffer.from('abc')],
  ),
]

function decodeAll(bytes: Buffer, cuts: readonly number[] = []): Frame[] {
  const frames: Frame[] = []
  const decoder = createFrameDecoder(() => true)
  let at = 0
  for (const cut of [...cuts, bytes.length]) {
    decoder.push(bytes.subarray(at, cut), (frame) => frames.push(frame))
    at = cut
  }
  return frames
}

test('codec: every kind of frame is decoded unchanged, however the stream is cut', () => {
  const random = createRandom(newSeed('codec'))
  const stream = Buffer.concat(samples.flat())
  const whole = decodeAll(stream)
  // The payloads by their bytes: comparing 256 KiB property by property 200 times takes seconds.
  const inBrief = (frames: readonly Frame[]) =>
    frames.map(({ type, header, payload }) => ({ type, header, payload: payload.toString('latin1') }))
  const brief = inBrief(whole)
  expect(new Set(whole.map(({ type }) => type)).size).toBe(Object.keys(frameKinds).length)
  for (let round = 0; round < 200; round += 1) {
    const count = 1 + Math.floor(random() * 40)
    const cuts = Array.from({ length: count }, () => Math.floor(random() * stream.length)).sort(
      (a, b) => a - b,
    )
    expect(inBrief(decodeAll(stream, cuts))).toEqual(brief)
  }
  expect(
    decodeAll(
      Buffer.concat(samples.slice(5, 7).flat()),
      Array.from({ length: 150 }, (_, at) => at),
    ),
  ).toEqual(whole.slice(5, 7))
})

test('codec: decoded digests and attributes stay intact after the buffer of their frame is transferred', () => {
  const content = Buffer.alloc(100_000, 1)
  const header = { files: [[1, 0, 'a', content.length, odd, digest] as SmallFile], directories: [] }
  const sent = encodeFrame('batch', header, [content])
  const [frame] = decodeAll(Buffer.concat(sent))
  if (frame?.type !== 'batch') throw new Error('no frame')
  structuredClone(null, { transfer: [frame.payload.buffer as ArrayBuffer] })
  expect(frame.payload).toHaveLength(0)
  expect(Buffer.concat(encodeFrame('batch', frame.header, [content]))).toEqual(Buffer.concat(sent))
})

test('codec: a header whose optional properties have no value is the same as one without them', () => {
  const answer = { about: 'contents' as const, contents: [], directories: [], strange: 0, next: null }
  const sent = Buffer.concat(encodeFrame('told', { id: 1, answer: { ...answer, strangeNames: undefined } }))
  expect(sent).toEqual(Buffer.concat(encodeFrame('told', { id: 1, answer })))
  expect(decodeAll(sent)).toMatchObject([{ header: { id: 1, answer } }])
})

test('codec: re-encoding a decoded frame gives the same bytes', () => {
  for (const sample of samples) {
    const bytes = Buffer.concat(sample)
    const [frame] = decodeAll(bytes)
    if (frame === undefined) throw new Error('no frame')
    expect(Buffer.concat(encodeFrame(frame.type, frame.header, [frame.payload]))).toEqual(bytes)
  }
})

describe('codec limits', () => {
  const prefix = (code: number, header: number, payload: number) => {
    const bytes = Buffer.alloc(9)
    bytes[0] = code
    bytes.writeUInt32BE(header, 1)
    bytes.writeUInt32BE(payload, 5)
    return bytes
  }

  test.each(Object.entries(frameKinds))(
    'a %s frame with lengths beyond its limits is rejected from the prefix alone',
    (type, kind) => {
      expect(() => decodeAll(prefix(kind.code, kind.maxHeader + 1, 0))).toThrow(ProtocolError)
      expect(() => decodeAll(prefix(kind.code, 1, getLimits(type as FrameType).maxPayload + 1))).toThrow(
        ProtocolError,
      )
      expect(() => decodeAll(prefix(kind.code, 0xffff_ffff, 0xffff_ffff))).toThrow(ProtocolError)
      expect(decodeAll(prefix(kind.code, 1, 0))).toEqual([])
    },
  )

  test('unknown and unexpected frame types are rejected from the prefix alone', () => {
    for (const code of [0, 30, 255]) expect(() => decodeAll(prefix(code, 0, 0))).toThrow(/unknown frame type/)
    const decoder = createFrameDecoder((type: FrameType) => type === 'hello')
    expect(() => decoder.push(prefix(6, 10, 10), () => undefined)).toThrow(/not expected now/)
  })

  test('the encoder rejects headers and payloads beyond the limits', () => {
    expect(() => encodeFrame('chunk', { id: 1 }, [Buffer.alloc(256 * 1024 + 1)])).toThrow(RangeError)
    const size = Buffer.alloc(100)
    size.writeUInt32BE(256 * 1024 + 1)
    expect(() => encodeFrame('chunk', { id: 1 }, [size], { compressed: true })).toThrow(RangeError)
    expect(() => encodeFrame('refused', { code: 'busy', reason: 'x'.repeat(5_000) })).toThrow(RangeError)
  })
})

describe('codec headers', () => {
  test.each([
    ['an array that announces four billion elements', [0xdd, 0xff, 0xff, 0xff, 0xff]],
    ['a map that announces four billion pairs', [0xdf, 0xff, 0xff, 0xff, 0xff]],
    ['a string beyond the end', [0xdb, 0x00, 0x10, 0x00, 0x00, 0x41]],
    ['binary beyond the end', [0xc6, 0x7f, 0xff, 0xff, 0xff]],
    ['a hundred nested arrays', [...new Array(100).fill(0x91), 0xc0]],
    ['an extension', [0xd4, 0x01, 0x00]],
    ['a timestamp', [0xd6, 0xff, 0, 0, 0, 0]],
    ['a byte that is never used', [0xc1]],
    ['two values', [0xc0, 0xc0]],
    ['an empty header', []],
    ['a cut number', [0xcf, 0x00]],
  ])('%s is rejected', (_, bytes) => {
    expect(isPlainMessagePack(Buffer.from(bytes))).toBe(false)
  })

  test('each sample header is plain MessagePack', () => {
    for (const [front] of samples) {
      if (front === undefined) throw new Error('no frame')
      expect(isPlainMessagePack(Buffer.from(front).subarray(9))).toBe(true)
    }
  })

  test('a mutated frame causes a ProtocolError or is valid, and causes no other error', () => {
    const random = createRandom(newSeed('mutated headers'))
    let faults = 0
    for (let round = 0; round < 5_000; round += 1) {
      const sample = samples[Math.floor(random() * samples.length)] ?? []
      const bytes = Buffer.from(Buffer.concat(sample).subarray(0, 400))
      for (let flip = 0; flip < 3; flip += 1)
        bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256)
      try {
        decodeAll(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolError)
        faults += 1
      }
    }
    expect(faults).toBeGreaterThan(1_000)
  })
})

describe('codec compression', () => {
  const text = Buffer.from('2026-11-27T10:00:00Z,12.5,OK\n'.repeat(4_000))
  /** A compressed payload: the number of its bytes, then a Zstandard frame. */
  const compress = (bytes: Buffer, announced = bytes.length, packed = zlib.zstdCompressSync(bytes)) => {
    const size = Buffer.alloc(4)
    size.writeUInt32BE(announced)
    return Buffer.concat([size, packed])
  }
  /** A Zstandard frame of nine bytes that asks for a window of 2^log bytes (RFC 8878, 3.1.1). */
  const withWindow = (log: number) => {
    const blockHeader = Buffer.alloc(3)
    blockHeader.writeUIntLE((9 << 3) | 1, 0, 3)
    return Buffer.concat([
      Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, (log - 10) << 3]),
      ...[blockHeader, text.subarray(0, 9)],
    ])
  }
  const decode = (payload: Buffer) =>
    decodeAll(Buffer.concat(encodeFrame('chunk', { id: 5 }, [payload], { compressed: true })))

  test('a compressed frame is decoded as the frame without compression', () => {
    const packed = compress(text)
    expect(packed.length).toBeLessThan(text.length / 10)
    expect(decode(packed)).toEqual(decodeAll(Buffer.concat(encodeFrame('chunk', { id: 5 }, [text]))))
  })

  test('a compressed payload with the largest window is decoded', () => {
    const [frame] = decode(compress(text.subarray(0, 9), 9, withWindow(21)))
    expect(frame?.payload.equals(text.subarray(0, 9))).toBe(true)
  })

  test.each([
    ['no payload', Buffer.alloc(0)],
    ['no compressed bytes', Buffer.alloc(4)],
    ['fewer bytes than announced', compress(text, text.length + 1)],
    ['more bytes than announced', compress(text, text.length - 1)],
    ['bytes that are not compressed', Buffer.concat([compress(text).subarray(0, 4), text])],
    ['a cut frame', compress(text).subarray(0, 30)],
    ['two frames', Buffer.concat([compress(text, 2 * text.length), compress(text).subarray(4)])],
    ['a window of 8 MiB', compress(text.subarray(0, 9), 9, withWindow(23))],
  ])('a compressed payload with %s is rejected', (_, payload) => {
    expect(() => decode(payload)).toThrow(ProtocolError)
  })

  test.each([256 * 1024 + 1, 0xffff_ffff])(
    'a compressed payload that announces %i bytes is rejected',
    (announced) => {
      const [front] = encodeFrame('chunk', { id: 5 }, [compress(text)], { compressed: true })
      const whole = Buffer.concat([front ?? expect.fail(), compress(text, announced)])
      expect(() => decodeAll(whole)).toThrow(/compressed payload of/)
    },
  )

  test('a compressed frame of a type that has no payload is rejected from the prefix alone', () => {
    const prefix = Buffer.alloc(9)
    prefix[0] = frameKinds.alive.code | 0x80
    expect(() => decodeAll(prefix)).toThrow(/without a payload/)
  })
})
