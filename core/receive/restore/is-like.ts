import type { ManifestRow } from '../manifest/rows.ts'

const SAME_TIME_MS = 1

/** Whether a file has the size and the time that the manifest tells. */
export function isLike(file: Pick<ManifestRow, 'size' | 'mtimeMs'>, row: ManifestRow): boolean {
  return file.size === row.size && Math.abs(file.mtimeMs - row.mtimeMs) < SAME_TIME_MS
}
