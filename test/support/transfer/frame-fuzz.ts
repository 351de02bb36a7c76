import { Packr } from 'msgpackr'
import { computeDigest } from '../../../core/platform/digest.ts'
import { encodeFrame } from '../../../core/protocol/codec.ts'
import { type FrameHeader, type FrameType, frameKinds } from '../../../core/protocol/frames.ts'
import { fileStatuses, PROTOCOL, senderLevels } from '../../../core/protocol/limits.ts'
import type { EncodedMetadata } from '../../../core/protocol/metadata-codec.ts'
import { statusHeader } from './wire-client.ts'

// Frames for a fuzzer: valid ones of every kind and either direction, and what can be done to them.

type Random = () => number
type AnyFrame = { type: FrameType; header: object; payload: readonly Uint8Array[] }

const packr = new Packr({ useRecords: false, variableMapSize: true })
export const pickFrom = <T>(random: Random, list: readonly T[]): T =>
  list[Math.floor(random() * list.length)] ?? (list[0] as T)
const below = (random: Random, limit: number) => Math.floor(random() * limit)

/** What stands in a name, a number or a list of somebody who means harm. */
const hostileValues: readonly unknown[] = [
  ...[0, -1, 1, 0xffff_ffff, 2 ** 32, 2 ** 52, 2 ** 53, -(2 ** 40), 0.5, Number.NaN, Infinity, 1e308],
  ...['', '.', '..', '../escaped', '/etc/escaped', 'a/../../escaped', 'nul\0', '.holdfast/senders.json'],
  ...['planted/escaped', '\\..\\escaped', 'x'.repeat(300), 'y/'.repeat(3_000), '\ud800', '__proto__'],
  ...[null, true, [], {}, [[[[[[[[[[]]]]]]]]]], { ['__proto__']: { polluted: true } }, Buffer.alloc(31)],
]

const payload = Buffer.from('some content of a file, long enough to be cut')
const large = Buffer.alloc(3_000, 7)

const frame = <T extends FrameType>(
  type: T,
  header: FrameHeader<T>,
  bytes: readonly Uint8Array[] = [],
): AnyFrame => ({ type, header, payload: bytes })

/** A frame as a sender sends it, in some phase; the ids are few, so that they meet. */
export function senderFrame(random: Random): AnyFrame {
  const id = below(random, 12)
  const path = pickFrom(random, ['a/b', 'a', 'c', 'deep/er/file', `f${below(random, 50)}`])
  const more = pickFrom(random, [
    null,
    null,
    { sparse: true as const },
    { attributes: { 'user.x': payload } },
  ])
  const facts: EncodedMetadata = [1_700_000_000, 500_000, 0o644, 0, 0, more]
  const directories = random() < 0.2 ? [[0, 'deep', facts] as [number, string, EncodedMetadata]] : []
  const source = random() < 0.95 ? 0 : 1
  const named = { id, source, path, facts }
  const at = random() < 0.3 ? { at: pickFrom(random, [0, 1, 1_500, 3_000, 2 ** 40]) } : {}
  switch (below(random, 14)) {
    case 0:
    case 1:
    case 2: {
      const count = 1 + below(random, 4)
      const files = Array.from({ length: count }, (_, index): FrameHeader<'batch'>['files'][number] => [
        id + index,
        source,
        `${path}${index}`,
        payload.length,
        facts,
        computeDigest(payload),
      ])
      return frame('batch', { files, directories }, new Array(count).fill(payload))
    }
    case 3:
    case 4:
      return frame('begin', {
        ...named,
        size: large.length,
        directories,
        ...(random() < 0.3 ? { file: 'inode' } : {}),
      })
    case 5:
      if (random() < 0.2) return frame('chunk', { id, ...at, zeros: pickFrom(random, [1, 1_500, 3_000]) })
      return frame('chunk', { id, ...at }, [large.subarray(0, pickFrom(random, [1, 1_500, 3_000]))])
    case 6:
      return frame('end', { id, digest: computeDigest(large), ...at })
    case 7:
      return frame('abort', { id, ...at })
    case 8:
      return frame('copy', {
        ...named,
        size: payload.length,
        digest: computeDigest(payload),
        fromSource: 0,
        fromPath: 'a/b0',
        moved: random() < 0.5,
        directories: [],
      })
    case 9:
      return frame('prove', { id, source, path, size: payload.length, nonce: Buffer.alloc(32, 1) })
    case 10:
      return frame('source', { source: below(random, 3), id: 'ab12', name: 'data' })
    case 11:
      return frame('status', statusHeader({ level: pickFrom(random, senderLevels) }))
    case 12:
      return frame('decided', {
        id: pickFrom(random, ['ab12', 'ff']),
        accepted: random() < 0.5,
        sentence: pickFrom(random, [null, 'no']),
      })
    default:
      return frame('alive', { stalledMs: below(random, 1_000) })
  }
}

/** A frame as a sender sends it that wants files back. */
export function restoreFrame(random: Random): AnyFrame {
  const id = below(random, 12)
  const folder = pickFrom(random, ['data', 'none', '..', '../sender/data', '.holdfast', ''])
  const path = pickFrom(random, ['a/b0', '../../outside', '/etc/passwd', 'planted/x', 'a', 'nul\0'])
  const after = pickFrom(random, [null, null, '1 a', '99 ', 'x'])
  const only = {
    at: pickFrom(random, [null, 0, Number.NaN]),
    version: null,
    text: null,
    isList: random() < 0.5,
  }
  switch (below(random, 6)) {
    case 0:
      return frame('ask', { id, question: { about: 'folders' } })
    case 3:
      return frame('ask', { id, question: { about: 'counts', folder, path, after } })
    case 1:
      return frame('ask', { id, question: { about: 'entries', folder, directory: path, after } })
    case 2:
      return frame('ask', { id, question: { about: 'contents', folder, path, after, ...only } })
    default: {
      const bytes = pickFrom(random, [0, 10, 1024 * 1024])
      const count = 1 + below(random, 5)
      const parts = Array.from({ length: count }, (_, index): FrameHeader<'fetch'>['parts'][number] => [
        id + index,
        folder,
        path,
        '',
        pickFrom(random, [0, 2 ** 40]),
        bytes,
      ])
      return frame('fetch', { parts })
    }
  }
}

/** A frame as a receiver sends it after its welcome. */
export function receiverFrame(random: Random): AnyFrame {
  switch (below(random, 6)) {
    case 0:
    case 1:
    case 2: {
      const results = Array.from(
        { length: 1 + below(random, 3) },
        (): FrameHeader<'result'>['results'][number] => [
          below(random, 14),
          below(random, fileStatuses.length),
          pickFrom(random, ['', 'EIO', 'symlink', 'quota bytes 5']),
        ],
      )
      return frame('result', { position: below(random, 5), results })
    }
    case 3:
      return frame('credit', { bytes: pickFrom(random, [1, 1_000, 2 ** 40]) })
    case 4:
      return pickFrom(random, [
        frame('want', { files: [['ab12', 'a/b0']] }),
        frame('twice', { from: '127.0.0.1:1' }),
        frame('proof', { id: below(random, 14), digest: null, reason: '' }),
        frame('propose', { proposal: null }),
        frame('propose', { proposal: { id: 'ab12', by: 'x', text: '{"check":{"intervalSeconds":60}}' } }),
      ])
    default:
      return frame('alive', { stalledMs: below(random, 100_000) })
  }
}

/** A frame that has no place after the beginning, or belongs to the other end. */
export function strayFrame(random: Random): AnyFrame {
  return pickFrom(random, [
    frame('hello', {
      protocol: PROTOCOL,
      name: 'x',
      purpose: pickFrom(random, ['send', 'pair']),
      session: null,
      code: 'guess',
    }),
    frame('welcome', { protocol: PROTOCOL, name: 'x', bytes: 2 ** 40, files: 2 ** 20, session: null }),
    frame('refused', { code: 'busy', reason: 'no' }),
    frame('attach', { protocol: PROTOCOL, key: 'ab12' }),
    frame('exchange', { message: 'AAAA' }),
    senderFrame(random),
    receiverFrame(random),
  ])
}

export const toBytes = ({ type, header, payload: pieces }: AnyFrame): Buffer =>
  Buffer.concat(encodeFrame(type, header as never, pieces))

/** The frame with one value of its header, however deep, replaced by another one; the limits are not asked. */
function withHostileValue(random: Random, { type, header, payload: pieces }: AnyFrame): Buffer {
  const copy = structuredClone(header) as Record<string, unknown>
  let holder: Record<string, unknown> | unknown[] = copy
  for (;;) {
    const key = pickFrom(random, Object.keys(holder))
    const inner = (holder as Record<string, unknown>)[key]
    if (typeof inner === 'object' && inner !== null && !(inner instanceof Uint8Array) && random() < 0.9) {
      holder = inner as Record<string, unknown>
      if (Object.keys(holder).length > 0) continue
    }
    ;(holder as Record<string, unknown>)[key] = pickFrom(random, hostileValues)
    break
  }
  const packed = packr.pack(copy)
  const front = Buffer.alloc(9)
  front[0] = frameKinds[type].code
  front.writeUInt32BE(packed.length, 1)
  front.writeUInt32BE(
    pieces.reduce((sum, piece) => sum + piece.length, 0),
    5,
  )
  return Buffer.concat([front, packed, ...pieces])
}

/** A valid frame, with something done to it: bits, lengths, values, cut, twice, or something else before it. */
export function mutated(random: Random, valid: AnyFrame): Buffer {
  const bytes = toBytes(valid)
  switch (below(random, 10)) {
    case 0:
    case 1: {
      for (let flips = 1 + below(random, 4); flips > 0; flips -= 1) {
        const at = below(random, random() < 0.5 ? Math.min(60, bytes.length) : bytes.length)
        bytes[at] = (bytes[at] ?? 0) ^ (1 << below(random, 8))
      }
      return bytes
    }
    case 2: {
      const at = random() < 0.5 ? 1 : 5
      const length = bytes.readUInt32BE(at)
      const others = [0, length + 1, Math.max(0, length - 1), 100 * 1024 * 1024, 0xffff_ffff]
      bytes.writeUInt32BE(pickFrom(random, others), at)
      return bytes
    }
    case 3:
      return bytes.subarray(0, below(random, bytes.length))
    case 4:
      return Buffer.concat([bytes, bytes])
    case 5:
      return toBytes(strayFrame(random))
    case 6:
      return Buffer.concat([
        Buffer.from(Array.from({ length: 1 + below(random, 20) }, () => below(random, 256))),
        bytes,
      ])
    default:
      return withHostileValue(random, valid)
  }
}
