import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Command } from 'commander'
import { expect, test } from 'vitest'
import { loadProgram } from '../../../cli/program.ts'
import { english } from '../../../core/lib/i18n/dictionaries.ts'
import {
  deployedCommands,
  documentedCommands,
  documents,
  exampleCommands,
} from '../../support/cli/documented.ts'

const root = path.resolve(import.meta.dirname, '../../..')

/** The command line, whose commands do nothing but take their words. */
function withoutActions(command: Command, took: string[]): void {
  command.action(() => void took.push(command.name()))
  command.exitOverride()
  for (const inner of command.commands) withoutActions(inner, took)
}

test.each(
  [...documentedCommands(), ...deployedCommands(), ...exampleCommands()].map(
    ({ file, line, words }) => [file, line, words] as const,
  ),
)('documentation: a command in %s has known options and values: %s', async (_, line, words) => {
  const took: string[] = []
  const program = await loadProgram()
  withoutActions(program, took)
  await program.parseAsync(words, { from: 'user' })
  expect(took, line).toHaveLength(1)
})

test('README: the page is short, with a picture and the first commands on its first screen', () => {
  const lines = readFileSync(path.join(root, 'README.md'), 'utf8').trimEnd().split('\n')
  expect(lines.length).toBeLessThanOrEqual(120)
  const screen = lines.slice(0, 24).join('\n')
  expect(screen).toMatch(/!\[.+\]\(docs\/desktop\.png\)/)
  expect(screen).toMatch(/```sh\n.*holdfast receive.*\nnpm ci && npm start\n```/)
})

test('documentation: every relative link leads to an existing file', () => {
  const broken = documents().flatMap(({ file, text }) =>
    [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !existsSync(path.resolve(root, path.dirname(file), target)))
      .map((target) => `${file}: ${target}`),
  )
  expect(broken).toEqual([])
})

test('docs/troubleshooting.md: each listed message is the beginning of an English message', () => {
  const plain = (text: string) => text.replace(/\{\{holdfast\}\}/g, 'holdfast').replace(/\{\{[^}]*\}\}/g, '…')
  const known = Object.values(english()).map(plain)
  const text = readFileSync(path.join(root, 'docs/troubleshooting.md'), 'utf8')
  const rows = [...text.matchAll(/^\| (.+?) +\| .+\|$/gm)]
    .map(([, message = '']) => message)
    .filter((message) => message !== 'message' && !/^-+$/.test(message))
  expect(rows.length).toBeGreaterThan(40)
  expect(rows.filter((row) => !known.some((one) => one.startsWith(row)))).toEqual([])
})

test('documentation: every page in docs is named by a page of the documentation', () => {
  const all = documents()
    .map(({ text }) => text)
    .join('\n')
  const pages = readdirSync(path.join(root, 'docs')).filter((name) => name.endsWith('.md'))
  expect(pages.filter((name) => !all.includes(name))).toEqual([])
})
