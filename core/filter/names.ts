import ignore, { type Ignore } from 'ignore'
import type { Source } from '../settings/schema.ts'
import { isTemporaryPath } from './temporary.ts'

/** Why a name is left out: Holdfast's own, a writer's temporary name, the person's filters, a batch mark, no batch. */
export type LeftOut = 'own' | 'temporary' | 'ignored' | 'hidden' | 'mark' | 'not-batch'

/** The part of a source's settings that decides about names; plain data, so that a thread can be given it. */
export interface NameRules {
  ignore: readonly string[]
  /** Names that begin with a dot are left out. */
  withoutHidden?: boolean
  /**
   * Temporary names (temporary.ts) are names like all others: in a batch directory that is closed nobody writes any more,
   * and a person may want them.
   */
  withTemporary?: boolean
  /** Names of marks, never sent at any depth. */
  marks: readonly string[]
  /** Of the source's own directory only the directories whose names begin like this go; everything if not given. */
  batchPrefix?: string
}

export interface NameFilter {
  /** Why this file is left out, or null. `path` is relative to the source, with "/". */
  file(path: string): LeftOut | null
  /** The same for a directory and all that is below it. */
  directory(path: string): LeftOut | null
  /** Why this file is left out by its own name or by that of a directory above it, or null. */
  fileBelow(path: string): LeftOut | null
  /** The pattern that leaves out this file, or a directory above it; null if none does. */
  patternOf(path: string): string | null
}

/**
 * What Holdfast itself makes in a source, to the letter: probe files, a file that is being removed, one that is being
 * restored. Whatever else begins like this is somebody's file.
 */
const OWN =
  /^\.holdfast-(probe-[0-9a-f]{8}-\d{1,10}-[0-9a-f]{8}-\d{1,15}|removing-\d{1,16}|restore-[0-9a-f]{12})$/

export const isOwnName = (name: string): boolean => OWN.test(name)

/** What a source's settings decide about names. */
export type NameSettings = Pick<Source, 'kind' | 'batch' | 'ignore' | 'hidden' | 'temporary'>

export function nameRulesOf({ kind, batch, ignore: patterns, hidden, temporary }: NameSettings): NameRules {
  const marks = kind === 'batch' ? [batch.closedMark, batch.sentMark] : []
  const rules = {
    ignore: patterns,
    withoutHidden: hidden === 'leave-out',
    withTemporary: temporary === 'send',
    marks,
  }
  return kind === 'batch' ? { ...rules, batchPrefix: batch.prefix } : rules
}

/** Builds the decision about names from the rules: gitignore patterns are relative to the source. */
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
    if (!rules.withTemporary && isTemporaryPath(path)) return 'temporary'
    if (patterns?.ignores(path)) return 'ignored'
    return isHidden(name) ? 'hidden' : null
  }
  const directory = (path: string): LeftOut | null => {
    if (path === '') return null
    const name = baseName(path)
    if (isOwnName(name)) return 'own'
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
    patternOf: (path) => patterns?.patternOf(path) ?? null,
  }
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

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
