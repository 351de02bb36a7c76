import { leavesNothingOut, leftOutBySize } from '../../filter/limits.ts'
import { createNameFilter } from '../../filter/names.ts'
import type { Due } from '../../ledger/ledger.ts'
import type { SourceFilters } from '../../settings/schema.ts'

/** What is done with files that wait. */
export interface Sifted {
  go: Due[]
  leftOut: Due[]
  /** Not old enough: when they are, in whole seconds since 1970. */
  young: Map<number, Due[]>
}

/** `now` is in milliseconds since 1970. Pure. */
export type Sift = (files: Due[], now: number) => Sifted

/**
 * Decides by a source's filters about files that wait already: the filters, or the file, may have changed since
 * the scanner offered it.
 */
export function createSift(filters: SourceFilters | undefined): Sift {
  if (filters === undefined || leavesNothingOut(filters))
    return (files) => ({ go: files, leftOut: [], young: new Map() })
  const { ignore, hidden, minimumAgeSeconds } = filters
  const names = createNameFilter({
    ignore,
    withoutHidden: hidden === 'leave-out',
    withTemporary: true,
    marks: [],
  })
  const isLeftOut = ({ path, size }: Due) =>
    leftOutBySize(filters, size) !== null || names.fileBelow(path) !== null
  return (files, now) => {
    const sifted: Sifted = { go: [], leftOut: [], young: new Map() }
    for (const due of files) {
      const changedAt = Number(due.mtimeNs / 1_000_000n)
      const oldEnough = changedAt + minimumAgeSeconds * 1000
      if (isLeftOut(due)) sifted.leftOut.push(due)
      // The scanner has made a file with a time in the future wait; its age is never known.
      else if (changedAt > now || oldEnough <= now) sifted.go.push(due)
      else {
        const second = Math.ceil(oldEnough / 1000)
        sifted.young.set(second, [...(sifted.young.get(second) ?? []), due])
      }
    }
    return sifted
  }
}
