import ignore, { type Ignore } from 'ignore'

/** The library remembers every path that it was asked about, and forgets none; so it is begun anew after so many. */
const ASKED = 10_000

/** gitignore patterns, relative to the source. */
export interface Patterns {
  /** A directory's path ends with "/". */
  ignores(path: string): boolean
  /** The pattern that decides, a directory's above it included; null if none does. */
  patternOf(path: string): string | null
}

export function createPatterns(patterns: readonly string[]): Patterns {
  // As git does it: Linux tells "Backup" from "backup".
  const begin = (): Ignore => ignore({ ignorecase: process.platform !== 'linux' }).add(patterns)
  let matcher = begin()
  let asked = 0
  const current = (): Ignore => {
    asked += 1
    if (asked > ASKED) {
      asked = 0
      matcher = begin()
    }
    return matcher
  }
  return {
    ignores: (path) => current().ignores(path),
    patternOf: (path) => current().test(path).rule?.pattern ?? null,
  }
}
