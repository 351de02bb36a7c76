/** "20261120T065300.123Z", and "-1" and so on for others of the same millisecond: sorts by time, a name everywhere. */
const pattern = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2}\.\d{3}Z)(?:-(\d{1,3}))?$/

export function versionName(now: Date, attempt = 0): string {
  return now.toISOString().replace(/[-:]/g, '') + (attempt === 0 ? '' : `-${attempt}`)
}

export function isVersionName(name: string): boolean {
  return pattern.test(name)
}

/** When the content was replaced, in milliseconds since 1970; null: not a version's name. */
export function replacedAt(name: string): number | null {
  const parts = pattern.exec(name)
  if (parts === null) return null
  const [, year, month, day, hour, minute, second] = parts
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}`)
  return Number.isNaN(at) ? null : at
}

/** Oldest first; of the same millisecond the lower number is the older. */
export function compareVersions(a: string, b: string): number {
  const byTime = (replacedAt(a) ?? 0) - (replacedAt(b) ?? 0)
  if (byTime !== 0) return byTime
  return Number(pattern.exec(a)?.[7] ?? 0) - Number(pattern.exec(b)?.[7] ?? 0)
}
