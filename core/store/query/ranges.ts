import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { READ_FILE } from '../../platform/open-flags.ts'
import { openBeneathSync } from '../../platform/openat2.ts'
import { errorCode, isGone } from '../../platform/system-error.ts'
import { toAllKeys } from '../file-system.ts'
import type { StoreLayout } from '../layout.ts'
import { type FileRow, getPlace, isFileRow, type Rows, type SourceRow } from '../manifest/rows.ts'
import { findSource, parseOrigin } from './select.ts'

/** A part of a stored file. */
export interface Range {
  folder: string
  path: string
  version: string
  from: number
  bytes: number
}

/** The result of reading a range: fewer bytes than requested at the end of the file. `fault`: an error name, or ''. */
interface RangeRead {
  bytes: number
  fault: string
}

/** Ranges of files, one after the other in a single buffer. */
export interface RangesRead {
  reads: RangeRead[]
  bytes: Uint8Array<ArrayBuffer>
}

/** There is no such file: the caller lists again. */
export const MISSING = 'ENOENT'
/** The path is not a regular file, or has a symbolic link in it. */
export const NO_FILE = 'EINVAL'

function toFault(error: unknown): string {
  const code = errorCode(error) ?? 'EIO'
  if (isGone(code)) return MISSING
  return code === 'ELOOP' || code === 'ENXIO' ? NO_FILE : code
}

function findRow(
  rows: Rows,
  sources: readonly SourceRow[],
  sender: string | null,
  { folder, path, version }: Range,
) {
  const source = findSource(sources, parseOrigin(sender, folder, path))
  if (source === null) return null
  const found = toAllKeys(path)
    .map((key) => rows.find(source.id, key, version))
    .find((row): row is FileRow => row !== null && isFileRow(row) && row.path === path)
  return found === undefined ? null : { source, row: found }
}

/** Ranges to read together, and the memory for their bytes. */
export interface RangesJob {
  ranges: readonly Range[]
  /** Has room for the bytes of all ranges. */
  memory: Uint8Array<ArrayBuffer>
}

/**
 * Reads ranges of files from the disk. Blocks. An error of one file is returned in its `fault`.
 * @param sender see `parseOrigin`.
 * @throws system errors if the store's root cannot be opened
 */
export function readRanges(
  { root, versions }: StoreLayout,
  rows: Rows,
  sender: string | null,
  { ranges, memory: bytes }: RangesJob,
): RangesRead {
  const base = openSync(root, constants.O_RDONLY | (constants.O_DIRECTORY ?? 0))
  const sources = rows.sources()
  let at = 0
  const readOne = (range: Range): RangeRead => {
    const found = findRow(rows, sources, sender, range)
    if (found === null) return { bytes: 0, fault: MISSING }
    const fd = openBeneathSync(base, root, getPlace(found.source, found.row, versions).join('/'), READ_FILE)
    try {
      if (!fstatSync(fd).isFile()) return { bytes: 0, fault: NO_FILE }
      const end = at + range.bytes
      const begin = at
      for (let some = 1; some > 0 && at < end; at += some)
        some = readSync(fd, bytes, at, end - at, range.from + at - begin)
      return { bytes: at - begin, fault: '' }
    } finally {
      closeSync(fd)
    }
  }
  try {
    const reads = ranges.map((range) => {
      const begin = at
      try {
        return readOne(range)
      } catch (error) {
        at = begin
        return { bytes: 0, fault: toFault(error) }
      }
    })
    return { reads, bytes: bytes.subarray(0, at) }
  } finally {
    closeSync(base)
  }
}
