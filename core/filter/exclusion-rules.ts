import ignore, { type Ignore } from 'ignore'
import type { FileStat } from '../platform/file-metadata.ts'
import { hasOwnClosedMark, type Source, type SourceFilters } from '../settings/schema.ts'
import { isTemporaryPath } from './temporary.ts'

// The rules that exclude files of a source: first by name, then by size and age. Pure.

/**
 * Exact names that Holdfast itself uses in a source: probe files, files being removed, files being restored. Other
 * names with the same beginning belong to users.
 */
const OWN =
  /^\.holdfast-(probe-[0-9a-f]{8}-\d{1,10}-[0-9a-f]{8}-\d{1,15}|removing-\d{1,16}|restore-[0-9a-f]{12})$/
/** The directory of a store with its keys (store/layout.ts). Its watcher meets it before a comparison finds the store. */
const OWN_DIRECTORY = '.holdfast'

/** The library caches every path and never removes one, so it is created again after this many. */
const ASKED = 10_000
/** A time further in the future than this, in milliseconds, is not the time of a change. */
const CLOCKS_APART_MS = 3_600_000

/** Why a name is excluded: Holdfast's own, a writer's temporary name, the person's filters, a batch mark, no batch. */
export type LeftOut = 'own' | 'temporary' | 'ignored' | 'hidden' | 'mark' | 'not-batch'

/** The settings of a source that decide about names; plain data, so that it can be passed to a thread. */
export interface NameRules {
  ignore: readonly string[]
  /** Exclude names that begin with a dot. */
  withoutHidden?: boolean
  /**
   * Treat temporary names (temporary.ts) like all others: files in a closed batch directory are no longer written, and
   * a person may want them.
   */
  withTemporary?: boolean
  /** Names of marks, never sent at any depth. */
  marks: readonly string[]
  /**
   * The producer's own closing mark, directly in a batch directory: excluded as a mark until all else is sent. A file of
   * this name elsewhere is like any other.
   */
  ownMark?: string
  /**
   * In the source's own directory include only directories whose names begin with this; missing: include everything.
   */
  batchPrefix?: string
}

export interface NameFilter {
  /** Returns why this file is excluded, or null. `path` is relative to the source, with "/". */
  file(path: string): LeftOut | null
  /** The same for a directory and everything below it. */
  directory(path: string): LeftOut | null
  /** Returns why this file is excluded, by its own name or by that of a directory above it, or null. */
  fileBelow(path: string): LeftOut | null
  /** Returns the pattern that excludes this file, or a directory above it; null if none does. */
  findPattern(path: string): string | null
}

export function toNameRules(
  source: Pick<Source, 'kind' | 'batch' | 'ignore' | 'hidden' | 'temporary'>,
): NameRules {
  const { kind, batch, ignore: patterns, hidden, temporary } = source
  const isOwn = hasOwnClosedMark(batch)
  const marks = kind === 'continuous' ? [] : isOwn ? [batch.sentMark] : [batch.closedMark, batch.sentMark]
  const rules = {
    ignore: patterns,
    withoutHidden: hidden === 'leave-out',
    withTemporary: temporary === 'send',
    marks,
  }
  if (kind === 'continuous') return rules
  return { ...rules, batchPrefix: batch.prefix, ...(isOwn ? { ownMark: batch.closedMark } : {}) }
}

/** Returns the rules for a batch directory that is complete: temporary names, and its own closing mark, are sent. */
export function toClosedRules(source: Parameters<typeof toNameRules>[0]): NameRules {
  const { ownMark: _, ...rules } = toNameRules(source)
  return { ...rules, withTemporary: true }
}

/** True if a path, relative to a batch source, is that of a file directly in a batch directory. */
export const isDirectlyInBatch = (path: string, name: string): boolean => {
  const slash = path.indexOf('/')
  return slash !== -1 && path.slice(slash + 1) === name
}

/** Builds the filter of names from the rules; gitignore patterns are relative to the source. */
export function createNameFilter(rules: NameRules): NameFilter {
  const patterns = rules.ignore.length === 0 ? null : createPatterns(rules.ignore)
  const marks = new Set(rules.marks)
  const { batchPrefix } = rules
  const isHidden = (name: string) => rules.withoutHidden === true && name.startsWith('.')
  const file = (path: string): LeftOut | null => {
    const name = baseName(path)
    if (isOwnName(name)) return 'own'
    if (batchPrefix !== undefined && name === path) return 'not-batch'
    if (marks.has(name)) return 'mark'
    if (rules.ownMark !== undefined && isDirectlyInBatch(path, rules.ownMark)) return 'mark'
    if (!rules.withTemporary && isTemporaryPath(path)) return 'temporary'
    if (patterns?.ignores(path)) return 'ignored'
    return isHidden(name) ? 'hidden' : null
  }
  const directory = (path: string): LeftOut | null => {
    if (path === '') return null
    const name = baseName(path)
    if (isOwnName(name) || name === OWN_DIRECTORY) return 'own'
    if (batchPrefix !== undefined && name === path && !name.startsWith(batchPrefix)) return 'not-batch'
    if (patterns?.ignores(`${path}/`)) return 'ignored'
    return isHidden(name) ? 'hidden' : null
  }
  return {
    file,
    directory,
    fileBelow(path) {
      for (let end = path.indexOf('/'); end !== -1; end = path.indexOf('/', end + 1)) {
        const leftOut = directory(path.slice(0, end))
        if (leftOut !== null) return leftOut
      }
      return file(path)
    },
    findPattern: (path) => patterns?.findPattern(path) ?? null,
  }
}

export const isOwnName = (name: string): boolean => OWN.test(name)

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** gitignore patterns, relative to the source. */
interface Patterns {
  /** A directory's path ends with "/". */
  ignores(path: string): boolean
  /** Returns the deciding pattern, including one of a directory above; null if none does. */
  findPattern(path: string): string | null
}

function createPatterns(patterns: readonly string[]): Patterns {
  // As in git: on Linux, "Backup" and "backup" are different names.
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
    findPattern: (path) => current().test(path).rule?.pattern ?? null,
  }
}

/** Why a file's size excludes it. */
type SizeLeftOut = 'too-small' | 'too-large'

type SizeLimits = Pick<SourceFilters, 'minimumBytes' | 'maximumBytes'>

/** @param size bytes. */
export function leftOutBySize({ minimumBytes, maximumBytes }: SizeLimits, size: number): SizeLeftOut | null {
  if (minimumBytes !== null && size < minimumBytes) return 'too-small'
  return maximumBytes !== null && size > maximumBytes ? 'too-large' : null
}

/** True if the filters have their defaults: every finished file is sent. */
export function leavesNothingOut(filters: SourceFilters): boolean {
  const { ignore, hidden, minimumBytes, maximumBytes, minimumAgeSeconds } = filters
  const hasLimits = minimumBytes !== null || maximumBytes !== null || minimumAgeSeconds > 0
  return ignore.length === 0 && hidden === 'send' && !hasLimits
}

/**
 * Returns when a file is old enough to be sent, in milliseconds since 1970. A modification time far in the future does
 * not show a file's age (a camera's clock, a copied time); then the change time of its inode counts, which no program
 * can set. If that is far in the future, too, the clock was set back: the age is unknown, and the file may be sent.
 */
export function oldEnoughAt(
  minimumAgeSeconds: number,
  { mtimeNs, ctimeNs }: Pick<FileStat, 'mtimeNs' | 'ctimeNs'>,
  now: number,
): number {
  if (minimumAgeSeconds === 0) return now
  const times = [mtimeNs, ctimeNs].map((time) => Number(time / 1_000_000n))
  const changedAt = times.find((time) => time <= now + CLOCKS_APART_MS)
  return changedAt === undefined ? now : changedAt + minimumAgeSeconds * 1000
}
