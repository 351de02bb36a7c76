import type { FileRow } from '../manifest/rows.ts'

/** Which of the contents that a path has had are wanted. */
export interface Wanted {
  /** Milliseconds since 1970. */
  at: number | null
  /** The name of one older version. */
  version: string | null
  /** Also under names that files had before they were renamed at the source. */
  oldNames: boolean
}

/**
 * Which of the contents that one path has had are wanted. Pure.
 * @param contents oldest first; what is in its place, if there is anything, is the last one.
 * @param now milliseconds since 1970: of a time to come it is what is in its place, whenever it says that it came.
 */
export function wantedOf(
  contents: readonly FileRow[],
  { at, version, oldNames }: Wanted,
  isList: boolean,
  now: number,
): FileRow[] {
  if (version !== null) return contents.filter((one) => one.version === version)
  if (at !== null) {
    const isToCome = at >= now
    const then = isToCome ? contents.at(-1) : contents.findLast(({ storedAt }) => storedAt <= at)
    if (then === undefined) return []
    const isRenamed = then.goneAt !== null && then.goneAt <= at
    // By nothing of its own name: a directory had to be there, or a file where its directory was.
    const isReplaced = then === contents.at(-1) && then.version !== ''
    const isGone = isReplaced && (isToCome || (then.replacedAt ?? 0) <= at)
    return isGone || (isRenamed && !oldNames) ? [] : [then]
  }
  if (isList) return [...contents]
  return contents.filter((one) => one.version === '' && (oldNames || one.goneAt === null))
}
