/** Returns the number of characters to insert, remove or replace (Levenshtein's distance). */
function countEdits(one: string, other: string): number {
  let row = [...other, ''].map((_, column) => column)
  for (const [above, character] of [...one].entries()) {
    const next = [above + 1]
    for (const [column, opposite] of [...other].entries())
      next.push(
        Math.min(
          (next[column] ?? 0) + 1,
          (row[column + 1] ?? 0) + 1,
          (row[column] ?? 0) + (character === opposite ? 0 : 1),
        ),
      )
    row = next
  }
  return row.at(-1) ?? 0
}

/** Shortest part of a name that means it. */
const LEAST_PART = 3

/**
 * Returns the name that was probably meant: one that contains the given text, or of which at most half the characters
 * differ; null: there is none.
 */
export function findNearest(given: string, names: readonly string[]): string | null {
  const wanted = given.toLowerCase()
  const score = (name: string) => {
    const isPart = wanted.length >= LEAST_PART && name.toLowerCase().includes(wanted)
    return isPart ? 0 : countEdits(wanted, name.toLowerCase())
  }
  const [nearest] = names.toSorted((one, other) => score(one) - score(other))
  if (nearest === undefined) return null
  return 2 * score(nearest) <= Math.max(wanted.length, nearest.length) ? nearest : null
}
