import { leavesNothingOut, leftOutBySize, oldEnoughAt } from '../../filter/limits.ts'
import { createNameFilter } from '../../filter/names.ts'
import type { QueuedFile } from '../../ledger/ledger.ts'
import type { SourceFilters } from '../../settings/schema.ts'

/** A file that waits until this time, in milliseconds since 1970. */
export interface DeferredFile {
  due: QueuedFile
  at: number
}

/** What is done with files that wait. */
export interface Filtered {
  pass: QueuedFile[]
  leftOut: QueuedFile[]
  /** Not old enough, and when they are. */
  young: DeferredFile[]
}

/** `now` is in milliseconds since 1970. Pure. */
export type QueueFilter = (files: QueuedFile[], now: number) => Filtered

/**
 * Decides by a source's filters about files that wait already: the filters, or the file, may have changed since
 * the scanner offered it.
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
      // At a whole second, together with others.
      else filtered.young.push({ due, at: Math.ceil(oldEnough / 1000) * 1000 })
    }
    return filtered
  }
}
