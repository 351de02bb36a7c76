import { expect, test } from 'vitest'
import { formerNames } from '../../../cli/former-names.ts'
import { meantNames } from '../../../cli/meant-names.ts'
import { loadProgram } from '../../../cli/program.ts'
import { toSentence } from '../../../core/lib/i18n/user-error.ts'
import { englishWords } from '../../../core/lib/i18n/words.ts'

const program = await loadProgram()
const refusal = (line: string) =>
  loadProgram(line.split(' ')).then(
    () => null,
    (error: unknown) => englishWords(toSentence(error)),
  )

test.each(Object.entries(meantNames))(
  '%s is a command, and stands for words that are none',
  async (now, words) => {
    const [first = '', second = ''] = now.split(' ')
    const command = program.commands.find((one) => one.name() === first)
    const known = [...program.commands, ...(command?.commands ?? [])].map((one) => one.name())
    const options = [...program.options, ...(command?.options ?? [])].map(({ long }) => long)
    for (const word of now.split(' ')) expect([...known, ...options], `${first} ${second}`).toContain(word)
    for (const word of words.split(' ')) {
      expect([
        ...program.commands.map((one) => one.name()),
        ...formerNames.map(([before]) => before),
      ]).not.toContain(word)
      expect(await refusal(word)).toBe(`There is no command “${word}”. Use: holdfast ${now}`)
    }
  },
)

test('words that newcomers try: each stands for one command', () => {
  const all = Object.values(meantNames).flatMap((words) => words.split(' '))
  expect(all).toEqual([...new Set(all)])
})

test.each([
  ['folders delete /data', 'Use: holdfast folders remove'],
  ['folders list', 'Use: holdfast folders'],
  ['stations remove pc', 'Use: holdfast stations revoke'],
  ['settings web enable', 'Use: holdfast settings web on'],
  ['settings list', 'Use: holdfast settings [KEY]'],
  ['settings get theme', 'Use: holdfast settings [KEY]'],
  ['settings set theme dark', 'Use: holdfast settings KEY VALUE'],
  ['statsu', 'There is no command “statsu”. Use: holdfast status'],
  ['nonsense', 'There is no command “nonsense”. holdfast --help lists them.'],
  ['nonsense --help', 'There is no command “nonsense”.'],
  ['channels frobnicate', '“channels” has no command “frobnicate”. It has: '],
])('`%s` is refused with what is meant: %s', async (line, said) =>
  expect(await refusal(line)).toContain(said),
)

test.each([
  'folders add list',
  'verify list',
  'restore list',
  'folders --json',
  'settings theme dark',
  'help',
  'channels help add',
])('`%s` is not refused', async (line) => expect(await refusal(line)).toBeNull())
