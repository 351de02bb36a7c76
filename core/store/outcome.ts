import { lstat } from 'node:fs/promises'
import { UserError } from '../lib/i18n/user-error.ts'
import { sqliteCode } from '../platform/sqlite.ts'
import { errorCode, errorText, isGone } from '../platform/system-error.ts'
import type { FileStatus } from '../protocol/limits.ts'

/** A file is not stored. `detail` is a NameFault for the status "name", else the system's error name. */
export class StorageError extends Error {
  override readonly name = 'StorageError'
  readonly status: FileStatus
  readonly detail: string
  /** For the status "full": how many bytes are missing; null: not bytes, but files or names are missing. */
  readonly missingBytes: number | null

  constructor(status: FileStatus, detail: string, missingBytes: number | null = null) {
    super(`${status} ${detail}`)
    this.status = status
    this.detail = detail
    this.missingBytes = missingBytes
  }
}

/**
 * Makes a call that names a file or a directory in the store, and reports EINVAL as a refused name: FAT, exFAT and NTFS
 * refuse some characters with it. Any other status would blame the store and lead to endless retries.
 */
export function nameRefusal<T>(call: () => T): T {
  try {
    return call()
  } catch (error) {
    throw errorCode(error) === 'EINVAL' ? new StorageError('name', 'characters') : error
  }
}

/** The store's result for one file; see StorageError. */
export interface StoreResult {
  status: FileStatus
  detail: string
  /** The store's position after the file's round; left out: the file was in no round. */
  position?: number
}

export const isDurable = ({ status }: StoreResult): boolean => status === 'durable' || status === 'same'

/** Returns the result that the sender gets if storing a file failed with `error`. */
export function toStoreResult(error: unknown): StoreResult {
  if (error instanceof StorageError) return { status: error.status, detail: error.detail }
  const code = diskCode(error)
  return RESULT_BY_CODE[code ?? ''] ?? { status: 'failed', detail: code ?? errorText(error) }
}

/** Results that a sender gets for system errors; every other error is `failed`. */
const RESULT_BY_CODE: Readonly<Record<string, StoreResult>> = {
  ENOSPC: { status: 'full', detail: 'ENOSPC' },
  EDQUOT: { status: 'full', detail: 'EDQUOT' },
  EROFS: { status: 'readOnly', detail: 'EROFS' },
  ENAMETOOLONG: { status: 'name', detail: 'long' },
  EILSEQ: { status: 'name', detail: 'characters' },
  EFBIG: { status: 'tooLarge', detail: 'EFBIG' },
}

/** Returns the system's name of a disk error, also for SQLite's errors; null: the error has no name. */
export function diskCode(error: unknown): string | null {
  const code = sqliteErrors.get(sqliteCode(error) ?? 0) ?? errorCode(error)
  return code === null && error instanceof Error && error.cause !== undefined ? diskCode(error.cause) : code
}

/** SQLite's result codes (https://sqlite.org/rescode.html) for disk errors: SQLITE_READONLY, IOERR, FULL. */
const sqliteErrors = new Map([
  [8, 'EROFS'],
  [10, 'EIO'],
  [13, 'ENOSPC'],
])

/** Creates the error for a store that exists and cannot be used. */
export function createStoreError(store: string, error: unknown): UserError {
  const reason = systemCode(error) ?? errorText(error)
  return new UserError('store.failed', { path: store, reason }, { cause: error })
}

/** Returns the system's error name; null: an error of SQLite or Node, whose message is clearer than its code. */
function systemCode(error: unknown): string | null {
  const code = errorCode(error)
  return code === null || code.startsWith('ERR_') ? null : code
}

/** Returns the result of `look`; null: the file does not exist. @throws UserError store.failed for any other error */
export async function orAbsent<T>(store: string, look: Promise<T>): Promise<T | null> {
  try {
    return await look
  } catch (error) {
    if (isGone(errorCode(error))) return null
    throw createStoreError(store, error)
  }
}

/** Checks that a directory exists, the store's root or one in it. @throws UserError store.none, store.failed */
export async function requireDirectory(store: string, directory: string): Promise<void> {
  const stats = await orAbsent(store, lstat(directory))
  if (stats === null) throw new UserError('store.none', { path: store, reason: 'ENOENT' })
  if (!stats.isDirectory()) throw new UserError('store.none', { path: store, reason: 'ENOTDIR' })
}
