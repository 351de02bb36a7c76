import { type Message, message, type WordKey } from '../lib/i18n/message.ts'

// Finds gitignore patterns that git interprets differently from the likely intention. Pure.

/** Maximum length of an ignore pattern, and maximum number of patterns of a source. */
export const LONGEST_PATTERN = 1_000
export const MOST_PATTERNS = 1_000

/** Matches an escaped character, or a closed bracket expression: its first member may be "]"; classes are allowed. */
const CLOSED =
  /\\.|\[(?:[!^]|(?![!^]))(?:\\.|\[:\w*:\]|(?!\[:\w*:\])[^\\])(?:\\.|\[:\w*:\]|(?!\[:\w*:\])[^\]\\])*\]/gs

/** Returns the first pattern with an unclosed bracket, or null. git never matches such a pattern. */
export function unclosedPattern(patterns: readonly string[]): string | null {
  const isUnclosed = (pattern: string) =>
    !pattern.startsWith('#') && pattern.replace(CLOSED, '').includes('[')
  return patterns.find(isUnclosed) ?? null
}

/** A pattern that git probably interprets differently from its intention. */
interface OddPattern {
  pattern: string
  /** Explains how git interprets it. */
  sentence: Message
  /** Suggested patterns, empty to remove it; null: no pattern has the intended meaning. */
  instead: string[] | null
}

type Finding = { key: WordKey; instead: string[] | null }

/**
 * Finds patterns that match nothing, or that have another meaning in other tools.
 * @param root path of the directory that the patterns are relative to.
 */
export function findOddPatterns(patterns: readonly string[], root: string): OddPattern[] {
  const odd: OddPattern[] = []
  let leavesOut = false
  for (const pattern of new Set(patterns.filter((line) => line.trim() !== ''))) {
    const finding = examineLine(pattern, root) ?? examineException(pattern, leavesOut)
    if (!/^[#!]/.test(pattern)) leavesOut = true
    if (finding === null) continue
    const sentence = message(finding.key, { pattern, root, instead: (finding.instead ?? []).join('  ') })
    odd.push({ pattern, sentence, instead: finding.instead })
  }
  return odd
}

/** An exception before any exclusion has no effect: other tools apply the first matching rule, git the last. */
function examineException(pattern: string, leavesOut: boolean): Finding | null {
  return pattern.startsWith('!') && !leavesOut ? { key: 'filter.odd.exceptionFirst', instead: null } : null
}

function examineLine(pattern: string, root: string): Finding | null {
  if (/^!?\(\?[di]\)/.test(pattern)) return { key: 'filter.odd.syncthing', instead: fromSyncthing(pattern) }
  if (/^(#include|merge|dir-merge)[ ,]|^[.:] /.test(pattern))
    return { key: 'filter.odd.include', instead: null }
  if (pattern.startsWith('#')) return { key: 'filter.odd.comment', instead: [`\\${pattern}`] }
  if (/^\/\/|^; /.test(pattern)) return { key: 'filter.odd.otherComment', instead: [] }
  const rule = /^(?:([-+])|(exclude|include)) +(.+)$/.exec(pattern)
  if (rule !== null) {
    const isException = rule[1] === '+' || rule[2] === 'include'
    return { key: 'filter.odd.rsync', instead: [`${isException ? '!' : ''}${rule[3]}`] }
  }
  const sign = pattern.startsWith('!') ? '!' : ''
  const finding = examineBody(pattern.slice(sign.length), root)
  if (finding === null) return null
  return { ...finding, instead: finding.instead?.map((one) => sign + one) ?? null }
}

/** Matches top-level system directories. A pattern relative to a source rarely begins with one of them. */
const TOP = /^\/(home|Users|root|mnt|media|etc|usr|Volumes)\/[^/]/

function examineBody(body: string, root: string): Finding | null {
  const quoted = /^(["'])(.+)\1$/.exec(body)
  if (quoted !== null) return { key: 'filter.odd.quoted', instead: [quoted[2] ?? ''] }
  if (/^\s/.test(body)) return { key: 'filter.odd.space', instead: body.trim() === '' ? [] : [body.trim()] }
  if (body === '' || body === '/') return { key: 'filter.odd.nothing', instead: [] }
  return examinePath(body, root.replaceAll('\\', '/')) ?? examineLists(body)
}

function examinePath(body: string, root: string): Finding | null {
  const path = body.replaceAll('\\', '/')
  const absolute = fromHome(path, root) ?? path
  const isDrive = /^[a-z]:\//i.test(absolute)
  if (absolute === root || absolute.startsWith(`${root}/`))
    return { key: 'filter.odd.absolute', instead: [absolute.slice(root.length) || '/**'] }
  if (path.startsWith('~/') || path.startsWith('$HOME/') || isDrive || TOP.test(absolute))
    return { key: 'filter.odd.outside', instead: null }
  // A backslash before a punctuation mark is an escape, not a separator.
  const isSeparator = body.replaceAll(/\\[^\p{L}\p{N}_.]/gu, '').includes('\\')
  if (isSeparator) return { key: 'filter.odd.backslash', instead: [path] }
  if (/^\.\.?(\/|$)|\/\.\.?(\/|$)|\/\//.test(body)) {
    const tidy = body
      .replaceAll(/\/{2,}/g, '/')
      .replaceAll(/\/\.(?=\/|$)/g, '')
      .replace(/^\.\//, '/')
    return { key: 'filter.odd.nothing', instead: /(^|\/)\.\.?(\/|$)|^$/.test(tidy) ? null : [tidy] }
  }
  return null
}

/** Expands "~" or "$HOME" to the home directory that contains the source; null: there is no such prefix or home. */
function fromHome(path: string, root: string): string | null {
  const home = /^(\/home\/[^/]+|\/Users\/[^/]+|\/root|[A-Za-z]:\/Users\/[^/]+)(?=\/|$)/.exec(root)?.[1]
  const below = /^(?:~|\$HOME)(\/.*)$/.exec(path)?.[1]
  return home === undefined || below === undefined ? null : home + below
}

function examineLists(body: string): Finding | null {
  const expanded = expandBraces(body)
  if (expanded.length > 1) return { key: 'filter.odd.braces', instead: expanded }
  const parts = body.split(/[,;]\s*/)
  return parts.length > 1 && parts.every((part) => /^\*\.\w+$/.test(part))
    ? { key: 'filter.odd.list', instead: parts }
    : null
}

/** Expands `{a,b}` into one pattern per alternative; a pattern without braces is returned unchanged. */
export function expandBraces(pattern: string): string[] {
  const found = /^((?:\\.|[^\\{])*)\{([^{}]*,[^{}]*)\}(.*)$/s.exec(pattern)
  if (found === null) return [pattern]
  const [, before = '', alternatives = '', after = ''] = found
  return alternatives.split(',').flatMap((one) => expandBraces(`${before}${one}${after}`))
}

/**
 * Converts a .stignore line without its prefixes: `(?d)` only permits Syncthing to delete a file, `(?i)` is converted
 * to bracket expressions.
 * @returns null: `(?i)` cannot be converted for a line that has a bracket expression.
 */
export function fromSyncthing(line: string): string[] | null {
  const [prefix = ''] = /^(?:!|\(\?[di]\))*/.exec(line) ?? []
  const body = line.slice(prefix.length)
  const sign = prefix.includes('!') ? '!' : ''
  if (!prefix.includes('(?i)')) return [sign + body]
  if (body.includes('[')) return null
  const letters = body.replaceAll(/\\.|\p{L}/gu, (letter) => {
    const [lower, upper] = [letter.toLowerCase(), letter.toUpperCase()]
    return letter.startsWith('\\') || lower === upper || upper.length > lower.length
      ? letter
      : `[${lower}${upper}]`
  })
  return [sign + letters]
}
