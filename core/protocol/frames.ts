import { z } from 'zod'
import type { WordKey } from '../lib/i18n/message.ts'
import { isDigest } from '../platform/digest.ts'
import { MAX_FILE_BYTES } from '../platform/file-metadata.ts'
import {
  BATCH_MAX_FILES,
  BATCH_OVERRUN_BYTES,
  BATCH_TARGET_BYTES,
  CHUNK_BYTES,
  CHUNK_HEADER_BYTES,
  fileStatuses,
  KIB,
  LONGEST_DETAIL,
  LONGEST_SENTENCE,
  LONGEST_TEXT,
  LONGEST_WORD,
  MAX_COUNTED,
  MAX_DIRECTORIES,
  MAX_FETCHED,
  MAX_FILE_NUMBER,
  MAX_PROPOSAL_BYTES,
  MAX_SOURCES,
  MAX_STREAMS,
  MAX_WANTED,
  MIB,
  refusalCodes,
  SMALL_FILE_BYTES,
  SOURCE_ID,
  senderLevels,
} from './limits.ts'
import { type EncodedMetadata, isEncodedMetadata, isWhole } from './metadata-codec.ts'
import { proposalSchema } from './proposal.ts'

// All frames and their headers (PROTOCOL.md): the values in headers, the long lists, the questions of restoring, and last
// the table `frameKinds`.

const fileNumber = z.number().int().min(0).max(MAX_FILE_NUMBER)
const source = z
  .number()
  .int()
  .min(0)
  .max(MAX_SOURCES - 1)
const name = z.string().min(1).max(200)
/** Bytes, or any other number of things. */
const count = z.number().int().min(0).max(MAX_FILE_BYTES)
const text = z.string().max(LONGEST_TEXT)
/** A message of OPAQUE (RFC 9807), in base64url without padding. */
const exchange = z.string().max(1_000)
const facts = z.custom<EncodedMetadata>(isEncodedMetadata, 'not the facts of a file')
const digest = z.custom<Uint8Array>(isDigest, 'not a digest')
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
/** The causes of the failure that a status is about, in the same form. */
export const sentenceCauses = z.array(sentenceParts).max(3)
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

// The lists of small files are validated by hand, as there are 20,000 entries a second: a zod schema creates objects for
// each value, which caused a quarter of the receiver's garbage.

/** A small file in a batch. `source`: the number that the sender assigned with a `source` frame. */
export type SmallFile = [
  id: number,
  source: number,
  path: string,
  size: number,
  facts: EncodedMetadata,
  digest: Uint8Array,
]

/** A parent directory of files with its metadata; the source's own directory has an empty path. */
export type DirectoryEntry = [source: number, path: string, facts: EncodedMetadata]

/** The outcome of a file: id, status (an index of `fileStatuses`), detail. */
type FileResult = [id: number, status: number, detail: string]

const isCount = (value: unknown, most: number): boolean => isWhole(value, 0, most)

const isText = (value: unknown, most: number): boolean => typeof value === 'string' && value.length <= most

function isSmallFile(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 6) return false
  const [id, source, path, size, facts, digest] = value
  return (
    isCount(id, MAX_FILE_NUMBER) &&
    isCount(source, MAX_SOURCES - 1) &&
    isText(path, LONGEST_TEXT) &&
    isCount(size, SMALL_FILE_BYTES) &&
    isEncodedMetadata(facts) &&
    isDigest(digest)
  )
}

function isDirectoryEntry(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 3) return false
  const [source, path, facts] = value
  return isCount(source, MAX_SOURCES - 1) && isText(path, LONGEST_TEXT) && isEncodedMetadata(facts)
}

function isFileResult(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 3) return false
  const [id, status, detail] = value
  return (
    isCount(id, MAX_FILE_NUMBER) && isCount(status, fileStatuses.length - 1) && isText(detail, LONGEST_DETAIL)
  )
}

const createListCheck =
  (isEntry: (value: unknown) => boolean, least: number, most: number) => (value: unknown) => {
    if (!Array.isArray(value) || value.length < least || value.length > most) return false
    for (const entry of value) if (!isEntry(entry)) return false
    return true
  }

const smallFiles = z.custom<SmallFile[]>(
  createListCheck(isSmallFile, 1, BATCH_MAX_FILES),
  'not a list of files',
)
const fileResults = z.custom<FileResult[]>(
  createListCheck(isFileResult, 1, BATCH_MAX_FILES),
  'not a list of results',
)
const directoryEntries = z.custom<DirectoryEntry[]>(
  createListCheck(isDirectoryEntry, 0, MAX_DIRECTORIES),
  'not a list of directories',
)

// Questions and answers on a connection for the purpose "restore"; see PROTOCOL.md, "Restoring".

const part = z.number().int().min(0).max(SMALL_FILE_BYTES)
const version = z.string().max(100)
/** Where the next page begins, in a format of the receiver. */
const cursor = z
  .string()
  .max(2 * LONGEST_TEXT)
  .nullable()

/** Requests a page of a directory: '' is the folder itself. */
const entriesQuestion = z.object({ folder: text, directory: text, after: cursor })
export type EntriesQuestion = z.infer<typeof entriesQuestion>

/** Requests a page of files, with their versions. */
const contentsQuestion = z.object({
  /** A source's directory; null: all. See `parseOrigin`. */
  folder: text.nullable(),
  /** A file or a directory in the folder; null: all. */
  path: text.nullable(),
  /** State at this time, in milliseconds since 1970; null: the current state. */
  at: z.number().nullable(),
  /** The name of an older version; '' or null: none. */
  version: version.nullable(),
  /** Only paths that contain this text, ignoring case; null: all. */
  text: z.string().max(1000).nullable(),
  /** Includes all older versions. */
  isList: z.boolean(),
  /** `next` of the previous page; null: the first page. */
  after: cursor,
})
export type ContentsQuestion = z.infer<typeof contentsQuestion>

/** Requests numbers of stored contents, older versions included, by the time of storing. */
const countsQuestion = contentsQuestion.pick({ folder: true, path: true, after: true })
export type CountsQuestion = z.infer<typeof countsQuestion>

const questionSchema = z.discriminatedUnion('about', [
  z.object({ about: z.literal('folders') }),
  z.object({ about: z.literal('entries'), ...entriesQuestion.shape }),
  z.object({ about: z.literal('contents'), ...contentsQuestion.shape }),
  z.object({ about: z.literal('counts'), ...countsQuestion.shape }),
])
export type Question = z.infer<typeof questionSchema>

/** A source's directory, and its id; null: unknown. */
const folderSchema = z.object({ name: text, source: z.string().max(64).nullable() })
export type Folder = z.infer<typeof folderSchema>
/** Folder, path, version ('': the current one), size, metadata, digest, time of storing. */
const contentEntry = z.tuple([text, text, version, count, facts, digest.nullable(), z.number()])
/** Folder and path of a directory, and its metadata at the source. */
const storedDirectory = z.tuple([text, text, facts])
/** An entry of a directory of a source. */
export const entrySchema = z.object({
  name: text,
  kind: z.enum(['directory', 'file']),
  /** Bytes; 0 for a directory, as is its time. */
  size: count,
  mtimeMs: z.number(),
  /** Number of older versions of the file; left out if it is only known from a list of its versions. */
  versions: count.optional(),
})
export type RestoreEntry = z.infer<typeof entrySchema>

/** Number of contents that were stored in a quarter of an hour, and when the last of them was. */
const storedCount = z.tuple([count, z.number()])

export const restoreAnswerSchema = z.discriminatedUnion('about', [
  z.object({ about: z.literal('folders'), folders: z.array(folderSchema).max(10_000) }),
  z.object({ about: z.literal('entries'), entries: z.array(entrySchema).max(1000), next: cursor }),
  z.object({
    about: z.literal('contents'),
    contents: z.array(contentEntry).max(10_000),
    directories: z.array(storedDirectory).max(10_000),
    strange: count,
    /** Names of some of these, for display; older receivers send none. */
    strangeNames: z.array(text).max(1000).optional(),
    next: cursor,
  }),
  z.object({ about: z.literal('counts'), counts: z.array(storedCount).max(MAX_COUNTED), next: cursor }),
  /** The question cannot be answered now. `reason`: an error name, or a sentence. */
  z.object({ about: z.literal('failed'), reason: z.string().max(LONGEST_DETAIL) }),
])
export type RestoreAnswer = z.infer<typeof restoreAnswerSchema>

/** Requests a part of a file: id, folder, path, version, offset, and number of bytes. */
const fetchEntry = z.tuple([fileNumber, text, text, version, count, part])
export type FetchEntry = z.infer<typeof fetchEntry>

/** Part of an answer: id, number of bytes (fewer than requested at the end of the file), and an error name or ''. */
const contentParts = z
  .array(z.tuple([fileNumber, part, z.string().max(40)]))
  .min(1)
  .max(MAX_FETCHED)

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
   * for the purpose "pair". `proposals`: it takes proposed settings. `streams`: it can send over several connections.
   * `zstd`: it takes compressed payloads. `exchange`: first message of the proof that it has the short pairing code
   * (short-code.ts), for the purpose "pair" without `code`.
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
      proposals: z.boolean().optional(),
      streams: z.boolean().optional(),
      zstd: z.boolean().optional(),
      exchange: exchange.optional(),
    }),
  },
  /**
   * Receiver: its name, the first credit, and the sender's last session; null for other purposes than "send". `streams`:
   * the key and the maximum of the session's connections; only for a sender whose `hello` has `streams`. `zstd`: it takes
   * compressed payloads; only for a sender whose `hello` has `zstd`. `counts`: it answers the question of this name.
   */
  welcome: {
    code: 2,
    maxHeader: 4 * KIB,
    header: z.object({
      protocol: z.number().int(),
      name,
      bytes: count,
      files: count,
      session: session.extend({ next: token, isForked: z.boolean() }).nullable(),
      streams: z.object({ key: token, most: z.number().int().min(1).max(MAX_STREAMS) }).optional(),
      zstd: z.boolean().optional(),
      counts: z.boolean().optional(),
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
    maxPayload: BATCH_TARGET_BYTES + BATCH_OVERRUN_BYTES,
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
      size: count,
      facts,
      file: z.string().max(64).optional(),
      directories: directoryEntries,
    }),
  },
  /**
   * Sender: the next bytes of a large file; `zeros`: a number of zeros instead of a payload. `at`: their offset in the
   * file, if they may overtake others of its frames on another data stream; `end` and `abort` have the offset that they
   * follow.
   */
  chunk: {
    code: 8,
    maxHeader: CHUNK_HEADER_BYTES,
    maxPayload: CHUNK_BYTES,
    header: z.object({
      id: fileNumber,
      zeros: z.number().int().min(1).max(CHUNK_BYTES).optional(),
      at: count.optional(),
    }),
  },
  end: { code: 9, maxHeader: 128, header: z.object({ id: fileNumber, digest, at: count.optional() }) },
  /**
   * Sender: ends a large file early. The receiver removes the received part, as for a file that changed while it was
   * read; `keep`: the part is kept, to be resumed.
   */
  abort: {
    code: 10,
    maxHeader: 64,
    header: z.object({ id: fileNumber, keep: z.boolean().optional(), at: count.optional() }),
  },
  /** Receiver: outcomes of files, at this position of the store; each result gives back one file of credit. */
  result: { code: 11, maxHeader: 512 * KIB, header: z.object({ position: count, results: fileResults }) },
  /** Receiver: gives back bytes of credit. `withheld`: bytes that it has taken, too, and that bring none back. */
  credit: { code: 12, maxHeader: 64, header: z.object({ bytes: count, withheld: count.optional() }) },
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
      size: count,
      facts,
      digest,
      fromSource: source,
      fromPath: text,
      moved: z.boolean(),
      directories: directoryEntries,
    }),
  },
  /** Receiver, in answer to a `begin` with `file`: number of bytes that the sender can skip. */
  resume: { code: 15, maxHeader: 64, header: z.object({ id: fileNumber, offset: count }) },
  /** Sender: assigns a number to one of its sources for this connection. */
  source: { code: 16, maxHeader: 4 * KIB, header: z.object({ source, id: sourceId, name }) },
  /** Sender: requests the digest of the nonce followed by a file's content on the receiver's disk. */
  prove: {
    code: 17,
    maxHeader: 64 * KIB,
    header: z.object({
      ...{ id: fileNumber, source, path: text, size: count, nonce },
      /** The file is not pinned: its source keeps it. */
      sample: z.literal(true).optional(),
    }),
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
      /** The sentence as key and parameters, and its causes; left out if they do not fit into the frame. */
      words: sentenceParts.optional(),
      /** Missing in the frames of older versions. Files arrive although those of another version are not understood. */
      causes: sentenceCauses.optional().catch(undefined),
      oldestWaitingAt: count.nullable(),
      waitingFiles: count,
      version: line(LONGEST_WORD),
    }),
  },
  /** Sender, for the purpose "restore": asks for its stored files. */
  ask: { code: 22, maxHeader: 128 * KIB, header: z.object({ id: fileNumber, question: questionSchema }) },
  /** Receiver, in answer to `ask`. */
  told: { code: 23, maxHeader: 8 * MIB, header: z.object({ id: fileNumber, answer: restoreAnswerSchema }) },
  /** Sender: requests parts of files. */
  fetch: {
    code: 24,
    maxHeader: 4 * MIB,
    header: z.object({ parts: z.array(fetchEntry).min(1).max(MAX_FETCHED) }),
  },
  /** Receiver: some of the requested parts; the payload is their bytes, one after the other. */
  content: {
    code: 25,
    maxHeader: 64 * KIB,
    maxPayload: SMALL_FILE_BYTES,
    header: z.object({ parts: contentParts }),
  },
  /**
   * Receiver: the settings that it proposes to this sender, as JSON text; null: none wait for a decision. Only for a
   * sender whose `hello` has `proposals`.
   */
  propose: {
    code: 26,
    maxHeader: MAX_PROPOSAL_BYTES + KIB,
    header: z.object({ proposal: proposalSchema.nullable() }),
  },
  /** Sender: its decision about the proposal with this id. `sentence`: the reason, in English; null: none. */
  decided: {
    code: 27,
    maxHeader: 8 * KIB,
    header: z.object({
      id: token,
      accepted: z.boolean(),
      sentence: line(LONGEST_SENTENCE).nullable(),
      /** The sentence as key and parameters; left out if it does not fit into the frame. */
      words: sentenceParts.optional(),
    }),
  },
  /** Sender, first frame of a further data stream: the key from the session's welcome. Answered by `credit`. */
  attach: { code: 28, maxHeader: KIB, header: z.object({ protocol: z.number().int(), key: token }) },
  /** Receiver, then sender: the second and third message of the proof that both have the short pairing code. */
  exchange: { code: 29, maxHeader: 2 * KIB, header: z.object({ message: exchange }) },
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
