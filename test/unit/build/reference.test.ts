// @module-tag timeless
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { loadProgram } from '../../../cli/program.ts'
import { completionFor } from '../../../cli/reference/completion.ts'
import { manPage } from '../../../cli/reference/man.ts'
import { markdownReference } from '../../../cli/reference/markdown.ts'
import { settingsReference } from '../../../cli/reference/settings.ts'
import { allCommands, describeCommand } from '../../../cli/reference/tree.ts'
import { otherSettings, settingKeys } from '../../../core/settings/catalog.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const root = path.resolve(import.meta.dirname, '../../..')
const program = describeCommand(await loadProgram())

test('docs/commands.md: the page matches the command line (else: run `npm run reference`)', () => {
  expect(readFileSync(path.join(root, 'docs/commands.md'), 'utf8')).toBe(markdownReference(program))
})

test('docs/settings.md: the page matches the table of settings (else: run `npm run reference`)', () => {
  expect(readFileSync(path.join(root, 'docs/settings.md'), 'utf8')).toBe(settingsReference())
})

test('docs/settings.md: the command of each setting that is not in the table exists', () => {
  const paths = allCommands(program).map((command) => command.path)
  for (const command of Object.values(otherSettings))
    if (command !== null) expect(paths).toContain(`holdfast ${command}`)
})

test('help: the list names every command but completion in one line of its group, without loading it', async () => {
  const list = await loadProgram(['--help'])
  expect(list.commands.length).toBeLessThanOrEqual(24)
  expect([...list.commands.map((command) => command.name()), 'completion']).toEqual(
    program.commands.map(({ name }) => name),
  )
  expect([...new Set(list.commands.map((command) => command.helpGroup()))]).toEqual([
    ...['Protect:', 'Copies:', 'Alerts:', 'Receive:', 'Evidence:', 'This computer:'],
  ])
  expect(list.commands.flatMap((command) => command.options)).toEqual([])
  for (const command of list.commands) expect(command.summary()).toMatch(/^\S.{1,62}$/)
})

test('help: a command that is named has its options', async () => {
  const { commands } = await loadProgram(['restore', '--help'])
  const named = commands.find((command) => command.name() === 'restore')
  expect(named?.options.map(({ long }) => long)).toContain('--data')
})

test('man page: every command and option is listed, and mandoc finds no fault', () => {
  const page = manPage(program, '1.2.3', '2026-11-20')
  for (const { path: command, options } of allCommands(program).slice(1)) {
    expect(page).toContain(`.SS ${command.replaceAll('-', '\\-')}`)
    for (const { flags } of options.filter(({ names }) => !names.includes('--help')))
      expect(page).toContain(`.B ${flags.replaceAll('-', '\\-').replaceAll('…', '...')}\n`)
  }
  const file = path.join(temporaryDirectory('man'), 'holdfast.1')
  writeFileSync(file, page)
  // It exits with 2 from a warning on.
  expect(execFileSync('mandoc', ['-T', 'lint', '-W', 'warning', file], { encoding: 'utf8' })).toBe('')
})

/** What bash offers after these words, the last of which is being typed. */
function offered(...words: string[]): string[] {
  const script = `${completionFor('bash', program)}
COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _holdfast; printf '%s\\n' "\${COMPREPLY[@]}"`
  const said = execFileSync('bash', ['-c', script, 'bash', ...words], { encoding: 'utf8', cwd: root })
  return said.split('\n').filter((word) => word !== '')
}

test('bash completion: commands, subcommands, options, their values and files are offered', () => {
  expect(offered('holdfast', 're')).toEqual(['restore', 'receive', 'report'])
  expect(offered('holdfast', 'folders', 'ch')).toEqual(['change', 'check'])
  expect(offered('holdfast', 'folders', 'change', '/srv', '--hid')).toEqual(['--hidden'])
  expect(offered('holdfast', 'folders', 'change', '/srv', '--hidden', '')).toEqual(['send', 'leave-out'])
  const ofChecks = settingKeys.filter((key) => key.startsWith('check.'))
  expect(ofChecks).toContain('check.intervalSeconds')
  expect(offered('holdfast', 'settings', 'check.')).toEqual(ofChecks)
  expect(offered('holdfast', 'verify', 'READ')).toEqual(['README.md'])
})

test('zsh and fish completion: every command and option is included', () => {
  const zsh = completionFor('zsh', program)
  const fish = completionFor('fish', program)
  for (const { path: command, name, options } of allCommands(program).slice(1)) {
    expect(zsh).toContain(`'${command}') known=(`)
    expect(fish).toContain(`-f -a ${name} `)
    for (const option of options.flatMap(({ names }) => names)) {
      expect(zsh).toContain(option)
      if (option.startsWith('--')) expect(fish).toContain(`-l ${option.slice(2)}`)
    }
  }
})
