import { z } from 'zod'
import { isDigest } from '../files/digest.ts'
import {
  BATCH_MAX_FILES,
  fileStatuses,
  LONGEST_DETAIL,
  LONGEST_TEXT,
  MAX_FILE_NUMBER,
  MAX_MODE,
  MAX_TIME,
  SMALL_FILE_BYTES,
} from './limits.ts'

// What comes for every small file, twenty thousand times a second: judged by hand, as a schema for each value makes
// objects of its own, a quarter of what the receiver's memory had to be collected for.

/** A small file in a batch: id, source, path, size, time of modification, mode, digest. */
export type SmallFile = [
  id: number,
  source: string,
  path: string,
  size: number,
  mtimeMs: number,
  mode: number,
  digest: Uint8Array,
]

/** What became of a file: id, its status (a place in `fileStatuses`), more words. */
export type FileResult = [id: number, status: number, detail: string]

const isCount = (value: unknown, most: number): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most

const isText = (value: unknown, most: number): boolean => typeof value === 'string' && value.length <= most

function isSmallFile(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 7) return false
  const [id, source, path, size, mtimeMs, mode, digest] = value
  return (
    isCount(id, MAX_FILE_NUMBER) &&
    isText(source, LONGEST_TEXT) &&
    isText(path, LONGEST_TEXT) &&
    isCount(size, SMALL_FILE_BYTES) &&
    typeof mtimeMs === 'number' &&
    Math.abs(mtimeMs) <= MAX_TIME &&
    isCount(mode, MAX_MODE) &&
    isDigest(digest)
  )
}

function isFileResult(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 3) return false
  const [id, status, detail] = value
  return (
    isCount(id, MAX_FILE_NUMBER) && isCount(status, fileStatuses.length - 1) && isText(detail, LONGEST_DETAIL)
  )
}

const isListOf = (isEntry: (value: unknown) => boolean) => (value: unknown) => {
  if (!Array.isArray(value) || value.length === 0 || value.length > BATCH_MAX_FILES) return false
  for (const entry of value) if (!isEntry(entry)) return false
  return true
}

export const smallFiles = z.custom<SmallFile[]>(isListOf(isSmallFile), 'not a list of files')
export const fileResults = z.custom<FileResult[]>(isListOf(isFileResult), 'not a list of results')
