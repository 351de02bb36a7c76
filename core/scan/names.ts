import ignore from 'ignore'
import type { Source } from '../settings/schema.ts'

/** Why a name is left out: Holdfast's own, a writer's temporary name, the person's pattern, a batch mark. */
export type LeftOut = 'own' | 'temporary' | 'ignored' | 'mark'

/** The part of a source's settings that decides about names; plain data, so that a thread can be given it. */
export interface NameRules {
  ignore: readonly string[]
  /** Names of marks, never sent at any depth. */
  marks: readonly string[]
}

export interface NameFilter {
  /** Why this file is left out, or null. `path` is relative to the source, with "/". */
  file(path: string): LeftOut | null
  /** The same for a directory and all that is below it. */
  directory(path: string): LeftOut | null
}

/** Files that Holdfast itself makes in a source (probe files) begin with this. */
const OWN_PREFIX = '.holdfast-'

/**
 * Names that programs give to files that they are still writing: browsers and download programs, editors
 * (vim's swap files, Emacs' locks, backups), LibreOffice's and Office's locks, GLib's and NFS's replacements.
 */
const TEMPORARY = [
  /\.(part|partial|filepart|tmp|temp|crdownload|download|opdownload|swp|swo|swx|!ut)$/i,
  /~$/,
  /^(\.#|~\$|\.~lock\.)/,
  /^\.goutputstream-/,
  /^\.nfs[0-9a-f]{8,}$/,
  /^\.fuse_hidden/,
]

export function isTemporaryName(name: string): boolean {
  return TEMPORARY.some((pattern) => pattern.test(name))
}

export function nameRulesOf(source: Source): NameRules {
  const marks = source.kind === 'batch' ? [source.batch.closedMark, source.batch.sentMark] : []
  return { ignore: source.ignore, marks }
}

/** Builds the decision about names from the rules: gitignore patterns are relative to the source. */
export function createNameFilter(rules: NameRules): NameFilter {
  const patterns = rules.ignore.length === 0 ? null : ignore().add(rules.ignore)
  const marks = new Set(rules.marks)
  return {
    file(path) {
      const name = baseName(path)
      if (name.startsWith(OWN_PREFIX)) return 'own'
      if (marks.has(name)) return 'mark'
      if (isTemporaryName(name)) return 'temporary'
      return patterns?.ignores(path) ? 'ignored' : null
    },
    directory(path) {
      if (path === '') return null
      if (baseName(path).startsWith(OWN_PREFIX)) return 'own'
      return patterns?.ignores(`${path}/`) ? 'ignored' : null
    },
  }
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
