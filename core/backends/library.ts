import { settled } from '../dropped-errors.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { createHasher } from '../platform/digest.ts'
import type { FileMetadata } from '../platform/file-metadata.ts'
import { batchBuffers } from '../protocol/frame-buffers.ts'
import type { CountsQuestion, EntriesQuestion, Folder } from '../protocol/frames.ts'
import type {
  ContentsPage,
  CountsPage,
  EntriesPage,
  StoreContentsQuestion,
  StoredContent,
} from '../store/query/query.ts'
import type { Computer } from './backend-messages.ts'

/** Contents up to this size are read completely when they are opened. */
export const SMALL_BYTES = 256 * 1024

/**
 * Read access to the files of one computer at a destination, or of all computers in a store: to browse and to restore.
 * Its results are untrusted input from another computer: callers must check the names.
 *
 * Every call throws a UserError if the destination is no longer reachable.
 */
export interface Library {
  /** The directory on this computer that contains everything; null: not on a disk of this computer. */
  readonly place: string | null
  /** True if times, modes and digests are properties that a server may lose, and keep the contents. */
  readonly mayLoseFacts?: boolean
  /** Directories of the computer's sources. */
  folders(): Promise<readonly Folder[]>
  entries(asked: EntriesQuestion): Promise<EntriesPage>
  /** Sorted by path. */
  contents(asked: StoreContentsQuestion): Promise<ContentsPage>
  /**
   * Counts a page of the contents, older versions included, by the quarter of an hour in which they were stored. Left
   * out or null: the destination would have to be asked for each file.
   */
  counts?(asked: CountsQuestion): Promise<CountsPage | null>
  /** @throws NotReadable, with the error name as its message, if only this content cannot be read. */
  open(content: StoredContent, options?: OpenContent): Promise<Incoming>
  /**
   * Asks for a content that could not be read because it is COLD; it can be opened hours later. Left out: none is.
   * @throws NotReadable
   */
  thaw?(content: StoredContent): Promise<void>
  close(): void
}

/** How a content is opened. */
export interface OpenContent {
  /** Its pieces go on behind the recorded size if the file is longer, so that a comparison finds what was added to it. */
  toEnd?: boolean
}

/** A content to restore, from any kind of origin. */
export interface Incoming {
  facts: FileMetadata
  /** Digest of the stored content; null: unknown, so that only the size can be checked. */
  digest: Uint8Array | null
  /**
   * Yields the content in order, with at most a little more than its size. The memory of a piece is reused when the
   * next one is requested.
   * @throws NotReadable
   */
  pieces(): AsyncIterable<Buffer> | Iterable<Buffer>
}

/** Passes each piece of a content with its position to `take`. Returns the digest and size of all of it. */
export async function readAll(
  { pieces }: Pick<Incoming, 'pieces'>,
  take: (piece: Buffer, position: number) => Promise<void> | void,
): Promise<{ digest: Buffer; size: number }> {
  const hasher = createHasher()
  let size = 0
  for await (const piece of pieces()) {
    hasher.update(piece)
    await take(piece, size)
    size += piece.length
  }
  return { digest: hasher.digest(), size }
}

/** Larger contents are requested in parts of this size, this many of them ahead. */
const PART_BYTES = 1024 * 1024
const PARTS_AHEAD = 6

/** Reads a range of a content; returns fewer bytes at its end. @throws NotReadable */
type ReadPart = (content: StoredContent, from: number, bytes: number) => Promise<Buffer>

/** Opens a content of any size that is read in parts. */
export async function openInParts(
  content: StoredContent,
  readPart: ReadPart,
  { toEnd = false }: OpenContent = {},
): Promise<Incoming> {
  const { facts, digest } = content
  const size = toEnd ? facts.size + 1 : facts.size
  if (facts.size > SMALL_BYTES) return { facts, digest, pieces: () => inParts(content, size, readPart) }
  const bytes = await readPart(content, 0, size)
  return { facts, digest, pieces: () => [bytes] }
}

async function* inParts(content: StoredContent, size: number, readPart: ReadPart): AsyncGenerator<Buffer> {
  const ahead: Promise<Buffer>[] = []
  let asked = 0
  const askMore = () => {
    while (asked < size && ahead.length < PARTS_AHEAD) {
      const part = readPart(content, asked, Math.min(PART_BYTES, size - asked))
      // It may fail while an earlier part is awaited.
      void settled(part)
      ahead.push(part)
      asked += PART_BYTES
    }
  }
  for (askMore(); ahead.length > 0; askMore()) {
    const piece = await ahead.shift()
    if (piece === undefined || piece.length === 0) return
    yield piece
    // A part of this size fills a whole frame, so its buffer can be reused.
    if (piece.length === PART_BYTES) batchBuffers.give(piece)
  }
}

/** @param name the destination's name. */
export function noComputer(name: string, computer: string, there: readonly Computer[]): UserError {
  if (there.length === 0) return new UserError('restore.noComputers', { name })
  const computers = there.map(({ folder }) => folder).join(', ')
  return new UserError('restore.noComputer', { name, computer, computers })
}
