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

/** Returns the name that was probably meant: one that contains the given text, or needs the fewest edits. */
export function findNearest(given: string, names: readonly string[]): string {
  const wanted = given.toLowerCase()
  const score = (name: string) =>
    name.toLowerCase().includes(wanted) ? 0 : countEdits(wanted, name.toLowerCase())
  return names.reduce((best, name) => (score(name) < score(best) ? name : best), names[0] ?? '')
}

/** Returns the name of which at most every third character differs; null: there is none. */
export function findMistyped(given: string, names: readonly string[]): string | null {
  const nearest = findNearest(given, names)
  return 3 * countEdits(given, nearest) <= given.length ? nearest : null
}
