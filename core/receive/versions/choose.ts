import { compareVersions, replacedAt } from './name.ts'

/** How many older contents of a file are kept, and for how long after they were replaced; null: no limit. */
export interface Keep {
  versions: number | null
  days: number | null
}

/**
 * 32 a file, however old. Keeping everything would let one file that is rewritten every minute fill the disk, and
 * then nothing new is safe; 32 older contents bound a store at 33 times its live files. No age limit: the last good
 * content of a file that was spoilt long ago must still be there.
 */
export const DEFAULT_KEEP: Keep = { versions: 32, days: null }

const DAY = 86_400_000

/**
 * The versions of one path that go.
 *
 * @param hasCurrent whether a file is in its place: if not, the newest version is the newest content, and stays.
 * @param now milliseconds since 1970.
 */
export function versionsToPrune(
  names: readonly string[],
  keep: Keep,
  hasCurrent: boolean,
  now: number,
): string[] {
  const newestFirst = names.filter((name) => replacedAt(name) !== null).sort((a, b) => compareVersions(b, a))
  const { versions, days } = keep
  return newestFirst.filter((name, index) => {
    if (index === 0 && !hasCurrent) return false
    const isTooMany = versions !== null && index >= versions
    const isTooOld = days !== null && (replacedAt(name) ?? now) < now - days * DAY
    return isTooMany || isTooOld
  })
}
