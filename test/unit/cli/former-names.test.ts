import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { formerNames, withPresentNames } from '../../../cli/former-names.ts'
import { loadProgram } from '../../../cli/program.ts'

/** docs/commands.md of November 2026, before commands got other names. */
const former = readFileSync(
  path.resolve(import.meta.dirname, '../../support/cli/commands-2026-11.md'),
  'utf8',
)

interface Form {
  words: string[]
  usage: string
  options: string[]
}

/** Every command of the former reference, with its options. */
const forms: Form[] = former
  .split(/^#{2,4} holdfast ?/m)
  .slice(2)
  .map((section) => {
    const [name = '', ...lines] = section.split('\n')
    const usage = lines.find((line) => line.startsWith('holdfast')) ?? ''
    const options = [...section.matchAll(/^\| `(-[^`]+)`/gm)].map(([, flags = '']) => flags)
    return { words: name.split(' '), usage: usage.slice(`holdfast ${name} `.length), options }
  })

const program = await loadProgram()

/** Follows the words into the command line: the command, and the words that it would get. */
function find(words: readonly string[]): [Command, string[]] {
  let command = program
  const rest = [...words]
  for (;;) {
    const inner = command.commands.find((one) => one.name() === rest[0])
    if (inner === undefined) return [command, rest]
    command = inner
    rest.shift()
  }
}

describe('former commands', () => {
  test('the former reference has all commands of then', () => expect(forms).toHaveLength(110))

  test.each(forms.map((form) => [form.words.join(' '), form] as const))('%s still works', (_, form) => {
    const [command, left] = find(withPresentNames(form.words).words)
    // Words that are left are options of the new form.
    for (const word of left) expect(command.options.map(({ long }) => long)).toContain(word)
    const known = command.options.flatMap(({ short, long }) => [short, long])
    for (const flags of form.options)
      for (const name of flags.split(/[ ,|]+/).filter((word) => word.startsWith('-')))
        expect(known, `${form.words.join(' ')} ${name}`).toContain(name)
    for (const [index, given] of [...form.usage.matchAll(/[<[][a-z-]+(?:\.\.\.)?[>\]]/g)]
      .filter(([word]) => word !== '[options]' && word !== '[command]')
      .entries())
      expect(
        command.registeredArguments[index] ?? command.registeredArguments.find(({ variadic }) => variadic),
        `${form.words.join(' ')} ${given}`,
      ).toBeDefined()
  })

  test('no former name is a command of now', () => {
    for (const [before] of formerNames)
      expect(program.commands.map((command) => command.name())).not.toContain(before)
  })
})

describe('words of a command line', () => {
  test.each([
    ['receiving on /srv --port 1', 'receive on /srv --port 1'],
    ['receiving --data /d on /srv', 'receive on --data /d /srv'],
    ['receiving --data=/d --json', 'receive show --data=/d --json'],
    ['heal nas --json', 'verify --repair nas --json'],
    ['help scan', 'send --help'],
    ['help keep', 'destinations keep --help'],
    ['help channels add', 'channels add --help'],
    ['help', 'help'],
    ['paths add paths', 'folders add paths'],
    ['restore paths', 'restore paths'],
  ])('%s becomes %s', (before, now) => expect(withPresentNames(before.split(' ')).words.join(' ')).toBe(now))

  test('the former and the present name are told, and nothing about a present name', () => {
    expect(withPresentNames(['prove']).told).toEqual({ before: 'prove', now: 'verify --sample' })
    expect(withPresentNames(['verify', '--sample']).told).toBeNull()
  })
})
