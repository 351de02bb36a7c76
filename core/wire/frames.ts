import { z } from 'zod'
import { isDigest } from '../files/digest.ts'
import {
  BATCH_TARGET_BYTES,
  CHUNK_BYTES,
  CHUNK_HEADER_BYTES,
  LONGEST_TEXT,
  MAX_FILE_BYTES,
  MAX_FILE_NUMBER,
  MAX_MODE,
  MAX_TIME,
  OLD_SMALL_FILE_BYTES,
  refusalCodes,
} from './limits.ts'
import { fileResults, smallFiles } from './small-entries.ts'

const KIB = 1024
const MIB = 1024 * KIB

const fileNumber = z.number().int().min(0).max(MAX_FILE_NUMBER)
const name = z.string().min(1).max(200)
const size = z.number().int().min(0).max(MAX_FILE_BYTES)
const count = z.number().int().min(0).max(MAX_FILE_BYTES)
const digest = z.custom<Uint8Array>(isDigest, 'not a digest')
const text = z.string().max(LONGEST_TEXT)
/** Milliseconds since 1970, with a fraction. */
const time = z.number().min(-MAX_TIME).max(MAX_TIME)
/** Renewal of certificates; left out: there is nothing to say. */
const renewal = {
  /** The fingerprint of the certificate that this end will use next. */
  next: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  /** The other end's next fingerprint that this end has pinned, durably. */
  knows: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
}
const mode = z.number().int().min(0).max(MAX_MODE)

interface FrameKind {
  code: number
  /** Largest header and payload in bytes, enforced before anything is allocated. */
  maxHeader: number
  maxPayload: number
  header: z.ZodType
}

export const frameKinds = {
  /** Sender, first frame. */
  hello: {
    code: 1,
    maxHeader: 4 * KIB,
    maxPayload: 0,
    header: z.object({
      protocols: z.array(z.number().int()).min(1).max(16),
      name,
      purpose: z.enum(['send', 'pair']),
      ...renewal,
    }),
  },
  /** Receiver: the version chosen, its name, and the first credit. */
  welcome: {
    code: 2,
    maxHeader: 4 * KIB,
    maxPayload: 0,
    header: z.object({ protocol: z.number().int(), name, bytes: count, files: count, ...renewal }),
  },
  /** Receiver, then it closes. */
  refused: {
    code: 3,
    maxHeader: 4 * KIB,
    maxPayload: 0,
    header: z.object({ code: z.enum(refusalCodes), reason: z.string().max(1000) }),
  },
  /** Sender, in answer to a welcome for the purpose "pair". */
  pair: {
    code: 4,
    maxHeader: 4 * KIB,
    maxPayload: 0,
    header: z.object({ code: z.string().max(200), name }),
  },
  paired: { code: 5, maxHeader: 4 * KIB, maxPayload: 0, header: z.object({ name }) },
  /** Sender: whole files; the payload is their contents, one after the other. */
  batch: {
    code: 6,
    maxHeader: MIB,
    maxPayload: BATCH_TARGET_BYTES + OLD_SMALL_FILE_BYTES,
    header: z.object({ files: smallFiles }),
  },
  /** Sender: a large file begins. `file`, from version 3 on: which file it is, and a question for `resume`. */
  begin: {
    code: 7,
    maxHeader: 64 * KIB,
    maxPayload: 0,
    header: z.object({
      id: fileNumber,
      source: text,
      path: text,
      size,
      time,
      mode,
      file: z.string().max(64).optional(),
      /** How the digest at its end is made; left out: SHA-256. */
      hash: z.literal('blake3').optional(),
    }),
  },
  chunk: {
    code: 8,
    maxHeader: CHUNK_HEADER_BYTES,
    maxPayload: CHUNK_BYTES,
    header: z.object({ id: fileNumber }),
  },
  end: { code: 9, maxHeader: 128, maxPayload: 0, header: z.object({ id: fileNumber, digest }) },
  /**
   * Sender: the rest does not come now. What came is thrown away, as when the file changed while it was read;
   * `keep`, from version 3 on: it is kept, to be gone on with.
   */
  abort: {
    code: 10,
    maxHeader: 64,
    maxPayload: 0,
    header: z.object({ id: fileNumber, keep: z.boolean().optional() }),
  },
  /** Receiver: what became of files; each result gives back one file of credit. */
  result: {
    code: 11,
    maxHeader: 512 * KIB,
    maxPayload: 0,
    header: z.object({ results: fileResults }),
  },
  /** Receiver: bytes of credit given back. */
  credit: { code: 12, maxHeader: 64, maxPayload: 0, header: z.object({ bytes: count }) },
  /** Both, every few seconds. stalledMs: how long the receiver's disk has left its oldest call unanswered. */
  alive: { code: 13, maxHeader: 64, maxPayload: 0, header: z.object({ stalledMs: count }) },
  /** Sender, from version 2 on: a file whose content the receiver has under another of the sender's names. */
  copy: {
    code: 14,
    maxHeader: 64 * KIB,
    maxPayload: 0,
    header: z.object({
      id: fileNumber,
      source: text,
      path: text,
      size,
      time,
      mode,
      digest,
      fromSource: text,
      fromPath: text,
    }),
  },
  /** Receiver, from version 3 on, in answer to a `begin` that asks: bytes that need not come. */
  resume: { code: 15, maxHeader: 64, maxPayload: 0, header: z.object({ id: fileNumber, offset: size }) },
} as const satisfies Record<string, FrameKind>

export type FrameType = keyof typeof frameKinds
export type FrameHeader<T extends FrameType> = z.infer<(typeof frameKinds)[T]['header']>
export type Frame = { [T in FrameType]: { type: T; header: FrameHeader<T>; payload: Buffer } }[FrameType]

const byCode = new Map<number, FrameType>(
  Object.entries(frameKinds).map(([type, kind]) => [kind.code, type as FrameType]),
)

export function frameTypeOf(code: number): FrameType | null {
  return byCode.get(code) ?? null
}
