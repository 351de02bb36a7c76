import { type Message, message, type WordKey } from '../lib/i18n/message.ts'
import { expandBraces, fromSyncthing, LONGEST_PATTERN, unclosedPattern } from './patterns.ts'

// Converts pattern files of other tools to gitignore patterns that exclude the same files. Pure. The formats are those
// of gitignore(5), of rsync(1) "FILTER RULES IN DEPTH", and of docs.syncthing.net/users/ignoring.html.

export const ignoreForms = ['git', 'rsync', 'syncthing'] as const
export type IgnoreForm = (typeof ignoreForms)[number]

/** A line without an equivalent gitignore pattern. */
interface LeftLine {
  /** Line number, starting at 1. */
  line: number
  text: string
  why: Message
}

interface IgnoreFile {
  form: IgnoreForm
  patterns: string[]
  left: LeftLine[]
}

/** Detects the tool that a file belongs to: by its name, then by lines that only one tool supports. */
export function findIgnoreForm(file: string, text: string): IgnoreForm {
  const path = file.replaceAll('\\', '/')
  const name = path.slice(path.lastIndexOf('/') + 1).toLowerCase()
  if (name.includes('stignore')) return 'syncthing'
  if (name.includes('gitignore') || path.endsWith('.git/info/exclude')) return 'git'
  if (name.includes('rsync')) return 'rsync'
  if (/^(!?\(\?[di]\)|\/\/|#include |#escape)/m.test(text)) return 'syncthing'
  if (/^([-+] |;|(merge|dir-merge|include|exclude) )/m.test(text) || name.startsWith('exclude'))
    return 'rsync'
  return 'git'
}

/** A line that cannot be converted. */
class Unconvertible extends Error {
  readonly key: WordKey

  constructor(key: WordKey) {
    super(key)
    this.key = key
  }
}

/** A rule of a tool, in the order of the file. git applies the last match, the others apply the first. */
interface Rule {
  isException: boolean
  /** gitignore patterns, without "!". */
  patterns: string[]
}

/** Converts a pattern file: each line is converted with the same meaning, or listed with the reason why not. */
export function readIgnoreFile(text: string, form: IgnoreForm): IgnoreFile {
  const left: LeftLine[] = []
  let rules: Rule[] = []
  for (const [index, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    try {
      const isClearing = form === 'rsync' && line === '!'
      const added = isClearing ? [] : readers[form](line)
      const patterns = added.flatMap((rule) => rule.patterns)
      if (unclosedPattern(patterns) !== null) throw new Unconvertible('filter.left.unclosed')
      if (patterns.some((one) => one.length > LONGEST_PATTERN)) throw new Unconvertible('filter.left.long')
      if (isClearing) rules = []
      else rules.push(...added)
    } catch (error) {
      if (!(error instanceof Unconvertible)) throw error
      left.push({ line: index + 1, text: line, why: message(error.key) })
    }
  }
  return { form, patterns: writers[form](rules), left }
}

const readers: Record<IgnoreForm, (line: string) => Rule[]> = {
  git: (line) =>
    line.trim() === '' || line.startsWith('#') ? [] : [{ isException: false, patterns: [line] }],
  rsync: readRsync,
  syncthing: readSyncthing,
}

const signed = ({ isException, patterns }: Rule): string[] =>
  isException ? patterns.map((one) => `!${one}`) : patterns

const writers: Record<IgnoreForm, (rules: Rule[]) => string[]> = {
  git: (rules) => rules.flatMap(signed),
  // rsync applies the first matching rule, git the last. Neither descends into an excluded directory.
  rsync: (rules) => (rules.some((one) => one.isException) ? rules.toReversed() : rules).flatMap(signed),
  syncthing: writeSyncthing,
}

function readRsync(line: string): Rule[] {
  if (line.trim() === '' || /^[#;]/.test(line)) return []
  if (/^(merge|dir-merge)[ ,]|^[.:][^ ]* /.test(line)) throw new Unconvertible('filter.left.merge')
  if (/^(hide|show|protect|risk|clear)[ ,]|^[-+][^ ]+ |^(exclude|include),/.test(line))
    throw new Unconvertible('filter.left.modifier')
  if (line.startsWith('!')) throw new Unconvertible('filter.left.clear')
  const [, sign = '', body = ''] = /^((?:[-+]|exclude|include) )?(.*)$/s.exec(line) ?? []
  const isException = sign.startsWith('+') || sign.startsWith('include')
  // Without a wildcard, a backslash is part of the name.
  const text = /[*?[]/.test(body) ? body : body.replaceAll('\\', '\\\\')
  if (!text.endsWith('/***')) return [{ isException, patterns: [placeAnywhere(text)] }]
  if (/\*\*\/\*\*\*$/.test(text)) throw new Unconvertible('filter.left.stars')
  return [{ isException, patterns: withInside(placeAnywhere(text.slice(0, -3))) }]
}

/**
 * Converts a pattern that rsync and Syncthing match at any depth unless it begins with "/". git does so only if it has
 * no other "/". Their `**` before a name matches at least one directory, git's matches none or more.
 */
function placeAnywhere(text: string): string {
  const isAnchored = text.startsWith('/')
  const isDirectory = text.length > 1 && text.endsWith('/')
  const parts = text.slice(isAnchored ? 1 : 0, isDirectory ? -1 : undefined).split('/')
  if (parts.some((part) => part === '')) throw new Unconvertible('filter.left.nothing')
  const written = parts.map((part, index) => {
    if (part === '**') return (isAnchored || index > 0) && index < parts.length - 1 ? '*/**' : '**'
    // Leading stars of a pattern without "/" match the same as one star.
    if (parts.length === 1 && !isAnchored) return part.replace(/^\*\*(?!\*)/, '*')
    return part
  })
  if (written.some((part) => part.replace('*/**', '') !== '**' && /\*\*/.test(part.replace('*/**', ''))))
    throw new Unconvertible('filter.left.stars')
  const path = written.join('/') + (isDirectory ? '/' : '')
  if (isAnchored) return `/${escapeEnd(path)}`
  if (written.length > 1 && written[0] !== '**') return `**/${escapeEnd(path)}`
  return escapeEnd(path.replace(/^[#!]/, '\\$&'))
}

/** Escapes trailing spaces, because git strips them. */
const escapeEnd = (pattern: string): string =>
  pattern.replace(/ +$/, (spaces) => spaces.replaceAll(' ', '\\ '))

function readSyncthing(given: string): Rule[] {
  const line = given.trim()
  if (line === '' || line.startsWith('//')) return []
  if (line.startsWith('#include')) throw new Unconvertible('filter.left.merge')
  if (line.startsWith('#')) throw new Unconvertible('filter.left.modifier')
  const [plain] = fromSyncthing(line) ?? []
  if (plain === undefined) throw new Unconvertible('filter.left.caseBrackets')
  const isException = plain.startsWith('!')
  const body = isException ? plain.slice(1) : plain
  if (/\{[^}]*$|\{[^}]*\{/.test(body)) throw new Unconvertible('filter.left.braces')
  return [{ isException, patterns: expandBraces(body).map(placeAnywhere) }]
}

/**
 * Syncthing matches the path of each file with the rules, also below an excluded directory. git does not descend into
 * such a directory. With exceptions, the rules therefore name the contents, and the parents of exceptions are included
 * again.
 */
function writeSyncthing(rules: Rule[]): string[] {
  const exceptions = rules.filter((one) => one.isException).flatMap((one) => one.patterns)
  if (exceptions.length === 0) return rules.flatMap(signed)
  const whole = rules
    .toReversed()
    .flatMap(({ isException, patterns }) => signed({ isException, patterns: patterns.flatMap(withInside) }))
  // The directories above each exception; the first name of a pattern that begins with "/" is ''.
  const ways = exceptions.map((one) =>
    one
      .replace(/\/(\*\*)?$/, '')
      .split('/')
      .slice(0, -1),
  )
  const isPlain = ways.every((names) => names[0] === '' && !/[*?[\\]/.test(names.join()))
  if (!isPlain) return [...whole, '!*/']
  const above = ways.flatMap((names) =>
    names.slice(1).map((_, index) => `!${names.slice(0, index + 2).join('/')}/`),
  )
  return [...whole, ...new Set(above)]
}

/** Returns a pattern with the one for all that is below a directory of this name. */
function withInside(pattern: string): string[] {
  if (pattern.endsWith('**') || pattern === '*') return [pattern]
  const directory = pattern.replace(/\/$/, '')
  return [pattern, `${directory.includes('/') ? '' : '**/'}${directory}/**`]
}
