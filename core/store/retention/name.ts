/**
 * A version's name, "20261120T065300.123Z-41-0": when the file was replaced, the store's position of that round, and a
 * number within the round. Valid on every file system.
 */
const pattern = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2}\.\d{3}Z)-\d{1,15}-\d{1,6}$/

/** Returns the prefix of the names of all versions that one round creates. */
export function versionPrefix(now: Date, position: number): string {
  return `${now.toISOString().replace(/[-:]/g, '')}-${position}-`
}

export function isVersionName(name: string): boolean {
  return pattern.test(name)
}

/** Returns a version's original name for a listed one: some file systems list all names in lower case. */
export const versionNameAsGiven = (listed: string): string => listed.toUpperCase()

/** Returns when the file was replaced, in milliseconds since 1970; null: not a version's name. */
export function replacedAt(name: string): number | null {
  const parts = pattern.exec(name)
  if (parts === null) return null
  const [, year, month, day, hour, minute, second] = parts
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}`)
  return Number.isNaN(at) ? null : at
}
