import { type Message, message, type WordKey } from '../lib/i18n/message.ts'

// gitignore patterns as people write them: what git takes for something else than was meant. Pure.

/** Characters of one ignore pattern, and how many patterns a source has. */
export const LONGEST_PATTERN = 1_000
export const MOST_PATTERNS = 1_000

/** An escaped character, or a bracket expression that is closed: its first member may be a "]", and it may name classes. */
const CLOSED =
  /\\.|\[(?:[!^]|(?![!^]))(?:\\.|\[:\w*:\]|(?!\[:\w*:\])[^\\])(?:\\.|\[:\w*:\]|(?!\[:\w*:\])[^\]\\])*\]/gs

/** The first gitignore pattern with a bracket that is never closed: git takes it for one that matches nothing. */
export function unclosedPattern(patterns: readonly string[]): string | null {
  const isUnclosed = (pattern: string) =>
    !pattern.startsWith('#') && pattern.replace(CLOSED, '').includes('[')
  return patterns.find(isUnclosed) ?? null
}

/** A pattern that git reads in another way than it was most likely meant. */
export interface OddPattern {
  pattern: string
  /** Says how git reads it. */
  sentence: Message
  /** Patterns to write instead, none to remove it; null: no pattern has that meaning. */
  instead: string[] | null
}

type Finding = { key: WordKey; instead: string[] | null }

/**
 * Finds patterns that match nothing, or that mean something in another tool.
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

/** Other tools take the first rule that matches, git the last. */
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

/** Directories at the top of a file system: a path that begins so is hardly one of a source. */
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
  // A backslash before a sign is meant: it stands for the sign itself.
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

/** A path below the home directory that the source is in; null: it names no home directory, or another one. */
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

/** Writes each alternative of `{a,b}` as a pattern of its own; a pattern without such comes back as it is. */
export function expandBraces(pattern: string): string[] {
  const found = /^((?:\\.|[^\\{])*)\{([^{}]*,[^{}]*)\}(.*)$/s.exec(pattern)
  if (found === null) return [pattern]
  const [, before = '', alternatives = '', after = ''] = found
  return alternatives.split(',').flatMap((one) => expandBraces(`${before}${one}${after}`))
}

/**
 * A line of .stignore without its prefixes: `(?d)` only lets Syncthing remove a file, `(?i)` is written as brackets.
 * @returns null: `(?i)` before a bracket expression cannot be written so.
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
