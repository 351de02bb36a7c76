// What both ends of the protocol (PROTOCOL.md) hold each other to.

/** The version of the protocol (PROTOCOL.md) that this Holdfast speaks: both ends must have the same. */
export const PROTOCOL = 1

const KIB = 1024
const MIB = 1024 * KIB

/** Before each frame: type (1 byte), length of the header (4), length of the payload (4); big endian. */
export const PREFIX_BYTES = 9
/** A file up to this size may travel whole, together with others; a larger one travels in chunks. */
export const SMALL_FILE_BYTES = MIB
/** Up to this size a file travels whole however narrow the line is; beyond it and a batch's bytes it goes in chunks. */
export const WHOLE_FILE_BYTES = 256 * KIB
/** A batch is sent when it holds this much, or when the next file would make it more. */
export const BATCH_TARGET_BYTES = MIB
export const BATCH_MAX_FILES = 512
/** Directories whose own facts travel with a frame's files, at most. */
export const MAX_DIRECTORIES = 512
/** Sources of one connection. */
export const MAX_SOURCES = 10_000
/** As a sender calls one of its sources. */
export const SOURCE_ID = /^[A-Za-z0-9][\w-]{0,63}$/
export const CHUNK_BYTES = 256 * KIB
/** Files that a receiver asks for in one frame. */
export const MAX_WANTED = 256
/** Parts of files that one frame asks for. */
export const MAX_FETCHED = 256
/** What one connection may have asked for and not got yet: bytes of contents, parts, and questions. */
export const MAX_FETCH_BYTES = 16 * MIB
export const MAX_FETCH_PARTS = 4096
export const MAX_QUESTIONS = 16
/** Of a chunk's header, at most. */
export const CHUNK_HEADER_BYTES = 64
/** Files in chunks that one connection may have open at a time. */
export const MAX_OPEN_FILES = 16
/**
 * Chunks of one connection that are held at a time: what each costs beside its bytes is paid by no credit. All but the
 * last of a file are of CHUNK_BYTES, so a sender's credit ends long before.
 */
export const MAX_CHUNKS = 4096

/**
 * What became of one file. `durable` and `same` are the only ones that make it sent; `same`: this content
 * was there already, and is durable. `full`, `readOnly` and `failed` are the store's trouble, not the
 * file's: the sender tries again. `unknown` answers a `copy` alone: the content has to be sent.
 */
export const fileStatuses = [
  'durable',
  'same',
  'name',
  'tooLarge',
  'digest',
  'aborted',
  'full',
  'readOnly',
  'failed',
  'unknown',
] as const
export type FileStatus = (typeof fileStatuses)[number]

export const refusalCodes = [
  'protocol',
  'notPaired',
  'revoked',
  'code',
  'busy',
  'malformed',
  'stopping',
  'twice',
] as const
export type RefusalCode = (typeof refusalCodes)[number]

/** What a sender can say that it is, the gravest first: what its own icon shows. */
export const senderLevels = ['failing', 'attention', 'paused', 'working', 'ok', 'starting'] as const
/** UTF-16 units of what a sender says of itself, and of a word in it. */
export const LONGEST_SENTENCE = 1000
export const LONGEST_WORD = 40

export const MAX_FILE_NUMBER = 0xffff_ffff
export const MAX_MODE = 0o7777
/** Seconds before or after 1970: some 278,000 years. File systems in memory, and Btrfs, take times beyond it. */
export const MAX_SECONDS = 2 ** 43
export const MAX_NANOSECONDS = 999_999_999
/** Of a user or a group: 32 bits. */
export const MAX_OWNER = 0xffff_ffff
/** UTF-16 units of a name or a path. Names are only bounded here: the store judges each one, so that one bad name refuses one file. */
export const LONGEST_TEXT = 16 * KIB
/** UTF-16 units of what is said beside a status. */
export const LONGEST_DETAIL = 1000
