import { z } from 'zod'
import { isDigest } from '../platform/digest.ts'
import { type EncodedMetadata, isEncodedMetadata, isWhole } from './facts.ts'
import {
  BATCH_MAX_FILES,
  fileStatuses,
  LONGEST_DETAIL,
  LONGEST_TEXT,
  MAX_DIRECTORIES,
  MAX_FILE_NUMBER,
  MAX_SOURCES,
  SMALL_FILE_BYTES,
} from './limits.ts'

// Validates the entries of small files by hand, as there are 20,000 a second: a zod schema creates objects for each
// value, which caused a quarter of the receiver's garbage.

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

export const text = z.string().max(LONGEST_TEXT)
export const facts = z.custom<EncodedMetadata>(isEncodedMetadata, 'not the facts of a file')
export const digest = z.custom<Uint8Array>(isDigest, 'not a digest')

export const smallFiles = z.custom<SmallFile[]>(
  createListCheck(isSmallFile, 1, BATCH_MAX_FILES),
  'not a list of files',
)
export const fileResults = z.custom<FileResult[]>(
  createListCheck(isFileResult, 1, BATCH_MAX_FILES),
  'not a list of results',
)
export const directoryEntries = z.custom<DirectoryEntry[]>(
  createListCheck(isDirectoryEntry, 0, MAX_DIRECTORIES),
  'not a list of directories',
)
