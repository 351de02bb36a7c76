/** What is known of one of the contents that a path had; all times are milliseconds since 1970. */
export interface Known {
  /** By its version's name, which is never too early; null: it is in its place. */
  replacedAt: number | null
  /** When it was stored, by the manifest. */
  recordedAt: number | null
  /** When its file was made; in a copy of a store that is when it was copied. */
  madeAt: number | null
}

const isBy = (at: number | null, time: number) => at !== null && at <= time

/**
 * Which content was there at a time. Names alone do not tell: after a clock was once ahead, all later versions are
 * named after that time, as their order is that of their names. One that is named after now was replaced at a time that
 * nobody knows.
 *
 * @param contents oldest first; the last one is in its place.
 * @returns `isSure`: the one after it was certainly not there yet.
 */
export function asOf(
  contents: readonly Known[],
  time: number,
  now: number,
): { index: number; isSure: boolean } {
  if (time >= now) return { index: contents.length - 1, isSure: true }
  const index = contents.findLastIndex(({ recordedAt, madeAt }, at) => {
    const before = contents[at - 1]?.replacedAt ?? Number.NEGATIVE_INFINITY
    // A large file is made long before it is stored: that counts only where nothing else is known.
    const isGuessed = recordedAt === null && before > now && isBy(madeAt, time)
    return before <= time || isBy(recordedAt, time) || isGuessed
  })
  const next = contents[index + 1]
  const isSure =
    next === undefined || isBy(contents[index]?.replacedAt ?? null, now) || isBy(next.recordedAt, now)
  return { index, isSure }
}
