import { readFileSync } from 'node:fs'
import path from 'node:path'
import { type Command, Option } from 'commander'
import { shellWord } from '../../core/lib/i18n/formats.ts'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import { toReason } from '../../core/platform/system-error.ts'
import {
  findIgnoreForm,
  type IgnoreForm,
  ignoreForms,
  readIgnoreFile,
} from '../../core/settings/ignore-file.ts'
import { findOddPatterns, MOST_PATTERNS } from '../../core/settings/patterns.ts'
import { collect, collectPatterns } from '../terminal/option-words.ts'
import { translate } from '../terminal/terminal-words.ts'

/** Values of the options that `withPatterns` adds. */
export interface PatternOptions {
  /** false for --no-ignore. */
  ignore?: string[] | false
  ignoreFrom?: string[]
  ignoreForm?: IgnoreForm
}

/** Adds the options for exclusion patterns, given one by one or in files. */
export function withPatterns(command: Command, replaced: string): Command {
  return command
    .option(
      '--ignore <pattern>',
      `leave out what this gitignore pattern matches (repeatable${replaced})`,
      collectPatterns,
    )
    .option(
      '--ignore-from <file>',
      "leave out what the patterns of a .gitignore, a .stignore or rsync's exclude-from match (repeatable; before those of --ignore)",
      collect,
    )
    .addOption(
      new Option(
        '--ignore-form <form>',
        'the form of these files, where their names and lines leave it open',
      ).choices(ignoreForms),
    )
}

/**
 * Returns all patterns of the options; undefined if no option was given. Lines of files that are not imported are
 * listed on standard error.
 * @throws UserError if a file cannot be read.
 */
export function readPatterns({ ignore, ignoreFrom = [], ignoreForm }: PatternOptions): string[] | undefined {
  if (ignore === false) return []
  if (ignore === undefined && ignoreFrom.length === 0) return undefined
  const patterns = [...ignoreFrom.flatMap((file) => readFrom(file, ignoreForm)), ...(ignore ?? [])]
  if (patterns.length > MOST_PATTERNS) throw new UserError('window.filters.tooManyPatterns')
  return patterns
}

function readFrom(file: string, given: IgnoreForm | undefined): string[] {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new UserError('filter.from.unreadable', { path: file, reason: toReason(error) }, { cause: error })
  }
  const form = given ?? findIgnoreForm(path.resolve(file), text)
  const { patterns, left } = readIgnoreFile(text, form)
  console.error(translate('filter.from.read', { path: file, count: patterns.length, form }))
  for (const { line, text: what, why } of left)
    console.error(translate('filter.from.left', { path: file, line, text: what, why: translate(why.key) }))
  return patterns
}

/**
 * Returns warnings about patterns that git reads in another way than was probably meant.
 * @param isProtected also print the command that corrects them for the protected directory `root`.
 */
export function oddPatternLines(patterns: readonly string[], root: string, isProtected: boolean): string[] {
  const odd = findOddPatterns(patterns, root)
  const lines = odd.flatMap(({ sentence: { key, params }, instead }) => [
    translate(key, params),
    ...(instead === null
      ? []
      : [instead.length === 0 ? translate('filter.odd.remove') : insteadLine(instead)]),
  ])
  if (!isProtected || odd.every(({ instead }) => instead === null)) return lines
  const corrections = new Map(odd.map(({ pattern, instead }) => [pattern, instead ?? [pattern]]))
  const corrected = patterns.flatMap((pattern) => corrections.get(pattern) ?? [pattern])
  const words = corrected.map((pattern) => `--ignore ${shellWord(pattern)}`)
  const command = [shellWord(root), ...(words.length === 0 ? ['--no-ignore'] : words)].join(' ')
  return [...lines, translate('filter.odd.command', { command })]
}

const insteadLine = (instead: string[]): string =>
  translate('filter.odd.write', { instead: instead.map(shellWord).join('  ') })
