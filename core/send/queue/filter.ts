import { leavesNothingOut, leftOutBySize, oldEnoughAt } from '../../filter/limits.ts'
import { createNameFilter } from '../../filter/names.ts'
import type { QueuedFile } from '../../ledger/ledger.ts'
import type { SourceFilters } from '../../settings/schema.ts'

/** A file that has to wait until `at`, in milliseconds since 1970. */
export interface DeferredFile {
  due: QueuedFile
  at: number
}

/** Waiting files, sorted by what the filters decide. */
export interface Filtered {
  pass: QueuedFile[]
  leftOut: QueuedFile[]
  /** Files below the minimum age, with the time when they reach it. */
  young: DeferredFile[]
}

/** `now` is in milliseconds since 1970. Pure. */
export type QueueFilter = (files: QueuedFile[], now: number) => Filtered

/**
 * Applies a source's filters to files that already wait: the filters or the file may have changed since the scanner
 * offered it.
 */
export function createQueueFilter(filters: SourceFilters | undefined): QueueFilter {
  if (filters === undefined || leavesNothingOut(filters))
    return (files) => ({ pass: files, leftOut: [], young: [] })
  const { ignore, hidden, minimumAgeSeconds } = filters
  const names = createNameFilter({
    ignore,
    withoutHidden: hidden === 'leave-out',
    withTemporary: true,
    marks: [],
  })
  const isLeftOut = ({ path, size }: QueuedFile) =>
    leftOutBySize(filters, size) !== null || names.fileBelow(path) !== null
  return (files, now) => {
    const filtered: Filtered = { pass: [], leftOut: [], young: [] }
    for (const due of files) {
      const oldEnough = oldEnoughAt(minimumAgeSeconds, due, now)
      if (isLeftOut(due)) filtered.leftOut.push(due)
      else if (oldEnough <= now) filtered.pass.push(due)
      // Rounded up to a whole second, so that files are taken together.
      else filtered.young.push({ due, at: Math.ceil(oldEnough / 1000) * 1000 })
    }
    return filtered
  }
}
