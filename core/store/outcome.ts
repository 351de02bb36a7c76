import { sqliteCode } from '../platform/sqlite.ts'
import { errorCode, errorText } from '../platform/system-error.ts'
import type { FileStatus } from '../protocol/limits.ts'

/** One file is not stored; `detail` is a NameFault for the status "name", else the system's error name. */
export class FileRefused extends Error {
  override readonly name = 'FileRefused'
  readonly status: FileStatus
  readonly detail: string
  /** With the status "full": so many bytes more would have been room enough, if it is bytes that are missing. */
  readonly missingBytes: number | null

  constructor(status: FileStatus, detail: string, missingBytes: number | null = null) {
    super(`${status} ${detail}`)
    this.status = status
    this.detail = detail
    this.missingBytes = missingBytes
  }
}

/**
 * Makes a call that gives a file or a directory its name in the store. EINVAL means there that the file system has no
 * such names: FAT, exFAT and NTFS refuse some characters. As any other failure it would be tried again for ever, and
 * taken for the store's.
 */
export function nameRefusal<T>(call: () => T): T {
  try {
    return call()
  } catch (error) {
    throw errorCode(error) === 'EINVAL' ? new FileRefused('name', 'characters') : error
  }
}

export interface Outcome {
  status: FileStatus
  detail: string
}

/** What became of a file, by which position of the store. */
export interface Stored {
  outcome: Outcome
  position: number
}

export const isDurable = ({ status }: Outcome): boolean => status === 'durable' || status === 'same'

/** SQLite's result codes (https://sqlite.org/rescode.html) for what the disk has said: SQLITE_READONLY, IOERR, FULL. */
const sqliteErrors = new Map([
  [8, 'EROFS'],
  [10, 'EIO'],
  [13, 'ENOSPC'],
])

/** What the disk has said, as the system names it; null: it was something else. */
export function diskCode(error: unknown): string | null {
  const code = sqliteErrors.get(sqliteCode(error) ?? 0) ?? errorCode(error)
  return code === null && error instanceof Error && error.cause !== undefined ? diskCode(error.cause) : code
}

/** What the sender is told where the system says so; anything else has failed. */
const OF_CODE: Readonly<Record<string, Outcome>> = {
  ENOSPC: { status: 'full', detail: 'ENOSPC' },
  EDQUOT: { status: 'full', detail: 'EDQUOT' },
  EROFS: { status: 'readOnly', detail: 'EROFS' },
  ENAMETOOLONG: { status: 'name', detail: 'long' },
  EILSEQ: { status: 'name', detail: 'characters' },
  EFBIG: { status: 'tooLarge', detail: 'EFBIG' },
}

/** What the sender is told about a file whose storing failed with `thrown`. */
export function outcomeOf(error: unknown): Outcome {
  if (error instanceof FileRefused) return { status: error.status, detail: error.detail }
  const code = diskCode(error)
  return OF_CODE[code ?? ''] ?? { status: 'failed', detail: code ?? errorText(error) }
}
