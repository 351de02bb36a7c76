// @module-tag timeless
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { createNameFilter } from '../../../core/filter/exclusion-rules.ts'
import { findIgnoreForm, type IgnoreForm, readIgnoreFile } from '../../../core/settings/ignore-file.ts'
import { findOddPatterns } from '../../../core/settings/patterns.ts'
import { gitIgnores } from '../../support/scan/git-ignores.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { createRandom, newSeed } from '../../support/transfer/transfer.ts'

const NAMES = ['a.o', 'b.c', 'foo', 'bar', 'keep']
const DIRECTORIES = ['', 'foo', 'bar', 'foo/bar', 'bar/foo', 'bar/deep/foo', 'Keep', 'x y']
const FILES = DIRECTORIES.flatMap((directory) => NAMES.map((name) => path.posix.join(directory, name)))
  // A file and a directory of one name cannot be.
  .filter((file) => !DIRECTORIES.some((directory) => directory === file || directory.startsWith(`${file}/`)))
  .toSorted()

/** Files that Holdfast sends with the patterns that a file of another tool gives. */
function sentWith(text: string, form: IgnoreForm) {
  const { patterns, left } = readIgnoreFile(text, form)
  const filter = createNameFilter({ ignore: patterns, marks: [] })
  return { patterns, left, sent: FILES.filter((file) => filter.fileBelow(file) === null) }
}

const hasRsync = spawnSync('rsync', ['--version']).status === 0

function openRsync() {
  const base = temporaryDirectory('rsync')
  const root = path.join(base, 'root')
  for (const file of FILES) {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true })
    writeFileSync(path.join(root, file), file)
  }
  const list = path.join(base, 'exclude')
  /** Files that rsync itself sends. */
  return (text: string): string[] => {
    writeFileSync(list, text)
    const words = ['-rn', '--out-format=%n', `--exclude-from=${list}`, `${root}/`, `${base}/to/`]
    const names = execFileSync('rsync', words, { encoding: 'utf8' }).split('\n')
    return names.filter((name) => name !== '' && !name.endsWith('/')).toSorted()
  }
}

describe('ignore file import', () => {
  test.each([
    ['.gitignore', '- x', 'git'],
    ['/data/.stignore', '*.o', 'syncthing'],
    ['C:\\rules\\rsync-exclude.txt', '*.o', 'rsync'],
    ['exclude.lst', '*.o', 'rsync'],
    ['/r/.git/info/exclude', '*.o', 'git'],
    ['rules', '*.o\n(?d)x', 'syncthing'],
    ['rules', '// mine\n*.o', 'syncthing'],
    ['rules', '+ *.c\n- *', 'rsync'],
    ['rules', '# mine\n*.o\n!a.o', 'git'],
  ])('the file %s with the text %j is detected as a file of %s', (name, text, form) =>
    expect(findIgnoreForm(name, text)).toBe(form),
  )

  test('a .gitignore excludes the same files in Holdfast as in git', () => {
    const text = '# objects\n\n*.o\n!/foo/a.o\n/bar/*\n!/bar/foo\nx\\ y/\n'
    const { sent, left, patterns } = sentWith(`\uFEFF${text.replaceAll('\n', '\r\n')}`, 'git')
    expect([left, patterns.length]).toEqual([[], 5])
    const ignored = new Set(gitIgnores(text.split('\n'), FILES))
    expect(sent).toEqual(FILES.filter((file) => !ignored.has(file)))
  })

  test.skipIf(!hasRsync).each([
    ['plain names, at any depth', '# comment\n; comment\n\n*.o\nkeep\n'],
    ['anchored paths', '/foo\n/bar/*.c\n'],
    ['a path, at any depth', 'foo/bar\ndeep/foo\n'],
    ['directories only', 'foo/\n/bar/\n'],
    ['the order of rules', '+ /foo/\n+ *.c\n- /foo/*\n- *.o\n+ *.o\n'],
    ['all files but some', '+ */\n+ *.c\n- *\n'],
    ['a directory with all in it', '+ /bar/***\n- *\n'],
    ['double stars', '/foo/**\nbar/**/keep\n'],
    ['leading double stars', '**/bar\n**.c\n'],
    ['characters special to git', '+ !x\n#x\nx y\n'],
    ['a list that is reset', '*.o\n!\n*.c\n'],
    ['character classes', '[ab].[!o]\n'],
  ])('rsync rules, %s: Holdfast sends the same files as rsync (needs rsync)', (_, text) => {
    const { sent, left } = sentWith(text, 'rsync')
    expect(left).toEqual([])
    expect(sent).toEqual(openRsync()(text))
  })

  test.skipIf(!hasRsync)(
    'rsync rules at random: Holdfast sends the same files as rsync (needs rsync)',
    () => {
      const random = createRandom(newSeed('rules of rsync'))
      const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T
      const rsync = openRsync()
      const rule = () => {
        const names = Array.from({ length: 1 + Math.floor(random() * 3) }, () =>
          pick(['foo', 'bar', '*', '*.o', 'k*', 'a.o', 'deep', '**', '?oo', '[fb]*']),
        )
        return `${pick(['', '', '+ ', '- '])}${pick(['', '/'])}${names.join('/')}${pick(['', '', '/', '/***'])}`
      }
      for (let round = 0; round < 40; round += 1) {
        const text = Array.from({ length: 1 + Math.floor(random() * 4) }, rule).join('\n')
        const { sent, left, patterns } = sentWith(text, 'rsync')
        if (left.length > 0) continue
        expect(sent, `${text}\n=> ${patterns.join('  ')}`).toEqual(rsync(text))
      }
    },
  )

  test('Syncthing patterns with prefixes, comments, alternatives and exceptions exclude the expected files', () => {
    const kept = (text: string) => sentWith(text, 'syncthing').sent
    const without = (isOut: (file: string) => boolean) => FILES.filter((file) => !isOut(file))
    expect(kept('// mine\n(?d)*.o\n')).toEqual(without((file) => file.endsWith('.o')))
    expect(kept('(?i)(?d)keep')).toEqual(without((file) => /(^|\/)keep(\/|$)/i.test(file)))
    expect(kept('foo/bar')).toEqual(without((file) => /(^|\/)foo\/bar(\/|$)/.test(file)))
    expect(kept('/foo')).toEqual(without((file) => file.startsWith('foo/')))
    expect(kept('*.{o,c}')).toEqual(without((file) => /\.[oc]$/.test(file)))
    expect(kept('!/bar/deep\n*')).toEqual(FILES.filter((file) => file.startsWith('bar/deep/')))
    expect(kept('!/foo/bar\n/foo')).toEqual(without((file) => /^foo\/(?!bar\/)/.test(file)))
    expect(kept('!*.c\nbar')).toEqual(without((file) => /(^|\/)bar(\/|$)/.test(file) && !file.endsWith('.c')))
    expect(kept('/foo\n!/foo/bar')).toEqual(without((file) => file.startsWith('foo/')))
    expect(kept('foo/**')).toEqual(without((file) => /(^|\/)foo\//.test(file)))
  })

  test('lines without an equivalent are listed with number and reason, and the others are imported', () => {
    const lines = (text: string, form: IgnoreForm) =>
      sentWith(text, form).left.map(({ line, why }) => [line, why.key])
    expect(lines('*.o\nmerge other\n: .rsync-filter\nP keep\n-! x\nfoo**bar\n!x\n*.[ch', 'rsync')).toEqual([
      [2, 'filter.left.merge'],
      [3, 'filter.left.merge'],
      [5, 'filter.left.modifier'],
      [6, 'filter.left.stars'],
      [7, 'filter.left.clear'],
      [8, 'filter.left.unclosed'],
    ])
    expect(lines('#include other\n#escape=|\n(?i)[ab]x\nfoo**bar\n{a,{b,c}}\n*.o', 'syncthing')).toEqual([
      [1, 'filter.left.merge'],
      [2, 'filter.left.modifier'],
      [3, 'filter.left.caseBrackets'],
      [4, 'filter.left.stars'],
      [5, 'filter.left.braces'],
    ])
    expect(readIgnoreFile('foo**bar\n*.o', 'rsync').patterns).toEqual(['*.o'])
  })

  test.each([
    ['git', '# mine'],
    ['rsync', '# mine'],
    ['rsync', '; mine'],
    ['syncthing', '// mine'],
  ] as const)('empty lines and comments are no patterns of %s, and are not listed: %s', (form, comment) => {
    const { patterns, left } = readIgnoreFile(`${comment}\n\n  \n*.o\n${comment}\n`, form)
    expect({ patterns, left }).toEqual({ patterns: ['*.o'], left: [] })
  })

  test('imported patterns are not reported as odd', () => {
    for (const [form, text] of [
      ['rsync', '- *.o\n+ x\n- /foo\n#c'],
      ['syncthing', '(?d)a\n!/foo/bar\n/foo\n// c'],
      ['git', '# c\n*.o'],
    ] as const)
      expect(findOddPatterns(['*.kept', ...readIgnoreFile(text, form).patterns], '/data')).toEqual([])
  })
})
