import { z } from 'zod'
import type { WordKey } from '../lib/i18n/message.ts'
import { MAX_FILE_BYTES } from '../platform/facts.ts'
import { digest, directoryEntries, facts, fileResults, smallFiles, text } from './entries.ts'
import {
  BATCH_TARGET_BYTES,
  CHUNK_BYTES,
  CHUNK_HEADER_BYTES,
  LONGEST_SENTENCE,
  LONGEST_WORD,
  MAX_FILE_NUMBER,
  MAX_SOURCES,
  MAX_WANTED,
  refusalCodes,
  SMALL_FILE_BYTES,
  SOURCE_ID,
  senderLevels,
  WHOLE_FILE_BYTES,
} from './limits.ts'
import { contentParts, fetchEntries, questionSchema, toldSchema } from './restore-entries.ts'

const KIB = 1024
const MIB = 1024 * KIB

const fileNumber = z.number().int().min(0).max(MAX_FILE_NUMBER)
const source = z
  .number()
  .int()
  .min(0)
  .max(MAX_SOURCES - 1)
const name = z.string().min(1).max(200)
const size = z.number().int().min(0).max(MAX_FILE_BYTES)
const count = z.number().int().min(0).max(MAX_FILE_BYTES)
/** A line of text for display, without control characters, which could control a terminal. */
const line = (longest: number) =>
  z
    .string()
    .max(longest)
    .regex(/^\P{Cc}*$/u)
/** A message as its key and parameters: the receiver may show it in another language. */
export const sentenceParts = z.object({
  key: z.custom<WordKey>((key) => typeof key === 'string' && /^[A-Za-z][\w.-]{0,99}$/.test(key)),
  params: z.record(line(LONGEST_WORD), z.union([line(LONGEST_SENTENCE), z.number()])),
})
/** A generated identifier. */
const token = z.string().regex(/^[0-9a-f]{1,64}$/)
/** A sender's identifier of one of its sources; never changes. */
const sourceId = z.string().regex(SOURCE_ID)
/** The state of the store on which both ends last agreed; see PROTOCOL.md, "Sessions". */
const session = z.object({ epoch: token, position: count, last: token.nullable(), next: token.nullable() })
/** Length of the nonce of `prove`, which makes its answer unpredictable. */
export const NONCE_BYTES = 32
const nonce = z.custom<Uint8Array>(
  (value) => value instanceof Uint8Array && value.length === NONCE_BYTES,
  'not a nonce',
)

interface FrameKind {
  code: number
  /** Maximum of header and payload in bytes, enforced before memory is allocated; most frames have no payload. */
  maxHeader: number
  maxPayload?: number
  header: z.ZodType
}

export const frameKinds = {
  /**
   * Sender, first frame. `session`: its last session; null: it never had one. `code`: the secret of the pairing code,
   * for the purpose "pair".
   */
  hello: {
    code: 1,
    maxHeader: 4 * KIB,
    header: z.object({
      protocol: z.number().int(),
      name,
      purpose: z.enum(['send', 'pair', 'restore']),
      session: session.nullable(),
      code: z.string().max(200).optional(),
    }),
  },
  /** Receiver: its name, the first credit, and the sender's last session; null for other purposes than "send". */
  welcome: {
    code: 2,
    maxHeader: 4 * KIB,
    header: z.object({
      protocol: z.number().int(),
      name,
      bytes: count,
      files: count,
      session: session.extend({ next: token, isForked: z.boolean() }).nullable(),
    }),
  },
  /** Receiver: the reason of a refusal; then it closes the connection. */
  refused: {
    code: 3,
    maxHeader: 4 * KIB,
    header: z.object({ code: z.enum(refusalCodes), reason: z.string().max(1000) }),
  },
  /** Sender: complete files; the payload is their contents, one after the other. */
  batch: {
    code: 6,
    maxHeader: 4 * MIB,
    maxPayload: BATCH_TARGET_BYTES + WHOLE_FILE_BYTES,
    header: z.object({ files: smallFiles, directories: directoryEntries }),
  },
  /** Sender: starts a large file. `file`: identifies the file, and requests a `resume` frame. */
  begin: {
    code: 7,
    maxHeader: 2 * MIB,
    header: z.object({
      id: fileNumber,
      source,
      path: text,
      size,
      facts,
      file: z.string().max(64).optional(),
      directories: directoryEntries,
    }),
  },
  /** Sender: the next bytes of a large file; `zeros`: a number of zeros instead of a payload. */
  chunk: {
    code: 8,
    maxHeader: CHUNK_HEADER_BYTES,
    maxPayload: CHUNK_BYTES,
    header: z.object({ id: fileNumber, zeros: z.number().int().min(1).max(CHUNK_BYTES).optional() }),
  },
  end: { code: 9, maxHeader: 128, header: z.object({ id: fileNumber, digest }) },
  /**
   * Sender: ends a large file early. The receiver removes the received part, as for a file that changed while it was
   * read; `keep`: the part is kept, to be resumed.
   */
  abort: { code: 10, maxHeader: 64, header: z.object({ id: fileNumber, keep: z.boolean().optional() }) },
  /** Receiver: outcomes of files, at this position of the store; each result gives back one file of credit. */
  result: { code: 11, maxHeader: 512 * KIB, header: z.object({ position: count, results: fileResults }) },
  /** Receiver: gives back bytes of credit. */
  credit: { code: 12, maxHeader: 64, header: z.object({ bytes: count }) },
  /** Both ends, every few seconds. stalledMs: age of the oldest pending call of the receiver's disk. */
  alive: { code: 13, maxHeader: 64, header: z.object({ stalledMs: count }) },
  /**
   * Sender: a file whose content the receiver has, under the same name or another one. `moved`: the other name no
   * longer exists at the source.
   */
  copy: {
    code: 14,
    maxHeader: 2 * MIB,
    header: z.object({
      id: fileNumber,
      source,
      path: text,
      size,
      facts,
      digest,
      fromSource: source,
      fromPath: text,
      moved: z.boolean(),
      directories: directoryEntries,
    }),
  },
  /** Receiver, in answer to a `begin` with `file`: number of bytes that the sender can skip. */
  resume: { code: 15, maxHeader: 64, header: z.object({ id: fileNumber, offset: size }) },
  /** Sender: assigns a number to one of its sources for this connection. */
  source: { code: 16, maxHeader: 4 * KIB, header: z.object({ source, id: sourceId, name }) },
  /** Sender: requests the digest of the nonce followed by a file's content on the receiver's disk. */
  prove: {
    code: 17,
    maxHeader: 64 * KIB,
    header: z.object({ id: fileNumber, source, path: text, size, nonce }),
  },
  /** Receiver, in answer to `prove`; null: it has no such file, or cannot read it; see `reason`. */
  proof: {
    code: 18,
    maxHeader: KIB,
    header: z.object({ id: fileNumber, digest: digest.nullable(), reason: z.string().max(200) }),
  },
  /** Receiver: files that the sender should offer again, by their sources' ids. */
  want: {
    code: 19,
    maxHeader: 4 * MIB,
    header: z.object({
      files: z
        .array(z.tuple([sourceId, text]))
        .min(1)
        .max(MAX_WANTED),
    }),
  },
  /** Receiver: a second connection was attempted as this sender, from this address. */
  twice: { code: 20, maxHeader: KIB, header: z.object({ from: z.string().max(200) }) },
  /**
   * Sender: its status, as an English sentence; `kind`: the kind of its most serious problem, if any.
   * `oldestWaitingAt` (milliseconds since 1970) and `waitingFiles`: the files that wait for this receiver.
   */
  status: {
    code: 21,
    maxHeader: 4 * KIB,
    header: z.object({
      level: z.enum(senderLevels),
      kind: line(LONGEST_WORD).nullable(),
      sentence: line(LONGEST_SENTENCE),
      /** The sentence as key and parameters; left out if it does not fit into the frame. */
      words: sentenceParts.optional(),
      oldestWaitingAt: count.nullable(),
      waitingFiles: count,
      version: line(LONGEST_WORD),
    }),
  },
  /** Sender, for the purpose "restore": asks for its stored files. */
  ask: { code: 22, maxHeader: 128 * KIB, header: z.object({ id: fileNumber, question: questionSchema }) },
  /** Receiver, in answer to `ask`. */
  told: { code: 23, maxHeader: 8 * MIB, header: z.object({ id: fileNumber, answer: toldSchema }) },
  /** Sender: requests parts of files. */
  fetch: { code: 24, maxHeader: 4 * MIB, header: z.object({ parts: fetchEntries }) },
  /** Receiver: some of the requested parts; the payload is their bytes, one after the other. */
  content: {
    code: 25,
    maxHeader: 64 * KIB,
    maxPayload: SMALL_FILE_BYTES,
    header: z.object({ parts: contentParts }),
  },
} as const satisfies Record<string, FrameKind>

export type FrameType = keyof typeof frameKinds
export type FrameHeader<T extends FrameType> = z.infer<(typeof frameKinds)[T]['header']>
export type Frame = { [T in FrameType]: { type: T; header: FrameHeader<T>; payload: Buffer } }[FrameType]

/** Returns the maximum of a frame's header and payload, in bytes. */
export function getLimits(type: FrameType): Required<Pick<FrameKind, 'maxHeader' | 'maxPayload'>> {
  const { maxHeader, maxPayload = 0 }: FrameKind = frameKinds[type]
  return { maxHeader, maxPayload }
}

const byCode = new Map<number, FrameType>(
  Object.entries(frameKinds).map(([type, kind]) => [kind.code, type as FrameType]),
)

export function findFrameType(code: number): FrameType | null {
  return byCode.get(code) ?? null
}
