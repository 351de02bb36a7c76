/**
 * "20261120T065300.123Z-41-0": when the content was replaced, the position of the store by which that came about, and a
 * number for each that was replaced by it. A name everywhere.
 */
const pattern = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2}\.\d{3}Z)-\d{1,15}-\d{1,6}$/

/** The beginning of the names of all that is replaced by one round of the store. */
export function versionPrefix(now: Date, position: number): string {
  return `${now.toISOString().replace(/[-:]/g, '')}-${position}-`
}

export function isVersionName(name: string): boolean {
  return pattern.test(name)
}

/** The name of a version as it was given, by what a listing says; some file systems list all names in lower case. */
export const versionNameAsGiven = (listed: string): string => listed.toUpperCase()

/** When the content was replaced, in milliseconds since 1970; null: not a version's name. */
export function replacedAt(name: string): number | null {
  const parts = pattern.exec(name)
  if (parts === null) return null
  const [, year, month, day, hour, minute, second] = parts
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}`)
  return Number.isNaN(at) ? null : at
}
