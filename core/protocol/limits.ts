// Limits that both ends of the protocol (PROTOCOL.md) enforce.

/** The version of the protocol (PROTOCOL.md); both ends must have the same. */
export const PROTOCOL = 1

export const KIB = 1024
export const MIB = 1024 * KIB

/**
 * Length of the prefix of each frame: type (1 byte), length of the header (4), length of the payload (4); big endian.
 */
export const PREFIX_BYTES = 9
/** Bit of the prefix's type: the payload is compressed. */
export const COMPRESSED = 0x80
/** Maximum size of a file that is sent whole, in a batch; a larger file is sent in chunks. */
export const SMALL_FILE_BYTES = 1 * MIB
/** Bytes by which a batch's payload may exceed BATCH_TARGET_BYTES. */
export const BATCH_OVERRUN_BYTES = 256 * KIB
/** Size from which a batch is sent; also sent if the next file would exceed it. */
export const BATCH_TARGET_BYTES = 1 * MIB
export const BATCH_MAX_FILES = 512
/** Maximum of directories with metadata in a frame. */
export const MAX_DIRECTORIES = 512
/** Maximum of sources on one connection. */
export const MAX_SOURCES = 10_000
/** A sender's identifier of one of its sources. */
export const SOURCE_ID = /^[A-Za-z0-9][\w-]{0,63}$/
export const CHUNK_BYTES = 256 * KIB
/** Maximum of files in one `want` frame. */
export const MAX_WANTED = 256
/** Maximum of parts of files in one `fetch` frame. */
export const MAX_FETCHED = 256
/** Maximum of unanswered requests on one connection: bytes of contents, parts, and questions. */
export const MAX_FETCH_BYTES = 16 * MIB
export const MAX_FETCH_PARTS = 4096
export const MAX_QUESTIONS = 16
/** Maximum of contents that one answer counts. */
export const MAX_COUNTED = 50_000
/** Maximum of connections of one session: the connection that began it, and its further data streams. */
export const MAX_STREAMS = 16
/** Maximum length of a chunk's header. */
export const CHUNK_HEADER_BYTES = 64
/** Maximum of files in chunks that are open on one connection. */
export const MAX_OPEN_FILES = 16
/**
 * Maximum of chunks of one connection in memory: credit does not count the overhead of a chunk. A correct sender never
 * reaches it, as all chunks but the last of a file have CHUNK_BYTES, and its credit is used up long before.
 */
export const MAX_CHUNKS = 4096

/**
 * The outcome of a file. Only `durable` and `same` mark it as sent; `same`: this content was stored already, and is
 * durable. `full`, `readOnly` and `failed` are problems of the store, not of the file: the sender retries. `unknown` is
 * an answer to `copy` only: the content must be sent.
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

/** Why a receiver refuses a connection, or ends it (PROTOCOL.md lists the meaning of each). */
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

/** Status levels of a sender, the most serious first; the same as on its own icon. */
export const senderLevels = ['failing', 'attention', 'paused', 'working', 'ok', 'starting'] as const
/** Maximum length of a sender's status sentence, and of its short fields, in UTF-16 units. */
export const LONGEST_SENTENCE = 1000
export const LONGEST_WORD = 40

export const MAX_FILE_NUMBER = 0xffff_ffff
export const MAX_MODE = 0o7777
/** Maximum of seconds before or after 1970: about 278,000 years. In-memory file systems and Btrfs allow later times. */
export const MAX_SECONDS = 2 ** 43
export const MAX_NANOSECONDS = 999_999_999
/** Maximum id of a user or a group: 32 bits. */
export const MAX_OWNER = 0xffff_ffff
/**
 * Maximum length of a name or a path, in UTF-16 units. The store checks each name, so that an invalid one refuses only
 * its own file.
 */
export const LONGEST_TEXT = 16 * KIB
/** Maximum of settings that a receiver proposes, as JSON text, in bytes. */
export const MAX_PROPOSAL_BYTES = 64 * KIB
/** Maximum length of a status detail, in UTF-16 units. */
export const LONGEST_DETAIL = 1000

/** The port on which a receiver listens, if none is set. */
export const RECEIVER_PORT = 7766

/** The usual validity of a pairing code, in minutes. */
export const CODE_MINUTES = 15
/** The validity of a short pairing code, in minutes, and the connections that may try it. */
export const SHORT_CODE_MINUTES = 10
export const SHORT_CODE_TRIES = 5
/** The longest validity of a pairing code, and the most computers that it can pair. */
export const MAX_CODE_MINUTES = 24 * 60
export const MAX_CODE_USES = 1_000
