import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { loadProgram } from '../../../cli/program.ts'
import { allCommands, describeCommand } from '../../../cli/reference/tree.ts'
import { textsOf } from '../../../core/lib/i18n/dictionaries.ts'

const contributing = readFileSync(path.join(import.meta.dirname, '../../../CONTRIBUTING.md'), 'utf8')
const rows = [
  ...contributing.matchAll(/^\| ([a-z ]+?) +\| (\p{Script=Han}+) +\| [^|]+\| ([a-z, ]*?) *\|$/gmu),
]
const things = rows.map(([, word = '', chinese = '', others = '']) => ({
  word,
  chinese,
  others: others.split(', ').filter((other) => other !== ''),
}))

/** The names of processes, and the words that a person may search for. */
const isException = (key: string) =>
  key.startsWith('window.worker.sender') || key.startsWith('settings.find.')
/** A sentence without its values, options, and names of keys in files. */
const plain = (sentence: string) => sentence.replace(/\{\{.*?\}\}|\$t\(.*?\)|--[\w-]+|"\w+"/g, '')

test('words: the table of CONTRIBUTING.md has the things that people meet', () => {
  expect(things.map(({ word }) => word)).toEqual(expect.arrayContaining(['folder', 'station', 'failure']))
  expect(things.length).toBeLessThanOrEqual(30)
})

const help = allCommands(describeCommand(await loadProgram())).flatMap((command) => [
  [command.path, `${command.usage} ${command.description}`],
  ...command.arguments.map(({ name, description }) => [`${command.path} ${name}`, description]),
  ...command.options.map(({ flags, description }) => [`${command.path} ${flags}`, description]),
])
const english: Record<string, string> = {
  ...textsOf('en'),
  ...prefixed(textsOf('en', 'window')),
  ...Object.fromEntries(help),
}
const inChinese = Object.values(textsOf('zh-TW')).join('\n')

/** A sentence may differ in the window. */
function prefixed(texts: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).map(([key, text]) => [`${key} in the window`, text]))
}

test.each(things)('words: $word is the only name of it in the sentences', ({ word, chinese, others }) => {
  const forms = others.map((other) => other.replace(/y$/, '(?:y|ie)'))
  const other = new RegExp(`\\b(?:${forms.join('|')})s?\\b`, 'i')
  const found = Object.entries(english).filter(
    ([key, text]) => forms.length > 0 && !isException(key) && other.test(plain(text)),
  )
  expect(found).toEqual([])
  expect(Object.values(english).join('\n').toLowerCase()).toContain(word)
  expect(inChinese).toContain(chinese)
})
