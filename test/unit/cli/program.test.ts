import { existsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { loadProgram } from '../../../cli/program.ts'
import { toSentence } from '../../../core/lib/i18n/user-error.ts'
import { englishWords } from '../../../core/lib/i18n/words.ts'
import { settingsSchema } from '../../../core/settings/schema.ts'
import { openSettings } from '../../../core/settings/settings-store.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

afterEach(() => {
  vi.restoreAllMocks()
  process.exitCode = undefined
})

/** Runs a command in this process; returns what it prints, or its refusal. */
async function run(...words: string[]): Promise<string> {
  const print = vi.spyOn(console, 'log').mockReturnValue()
  try {
    await (await loadProgram(words)).parseAsync(words, { from: 'user' })
  } catch (error) {
    return englishWords(toSentence(error))
  }
  return String(print.mock.calls[0]?.[0])
}

test.each(['receive --json show', 'receive show --json', 'settings --json limit', 'events --json sinks'])(
  '`holdfast %s`: --json applies on either side of the inner command',
  async (line) => {
    const said = await run(...line.split(' '), '--data', temporaryDirectory('json'))
    expect(JSON.parse(said)).toBeTypeOf('object')
  },
)

test('unknown setting: a similar one is named, and no other', async () => {
  expect(await run('settings', 'intervalSeconds')).toContain('Did you mean check.intervalSeconds?')
  expect(await run('settings', 'check.intervalSecond')).toContain('Did you mean check.intervalSeconds?')
  expect(await run('settings', 'chek.interval')).toContain('Did you mean check.intervalSeconds?')
  for (const word of ['nope', '', '__proto__', 'x'.repeat(1_000)])
    expect(await run('settings', word)).toBe(`There is no setting “${word}”. holdfast settings lists all.`)
})

test('data folder that is a file: each command names it', async () => {
  const file = path.join(temporaryDirectory('file'), 'file')
  writeFileSync(file, '')
  for (const words of [['status'], ['why', '/a'], ['settings'], ['settings', 'theme', 'dark'], ['failures']])
    expect(await run(...words, '--data', file)).toContain(`folder ${file} cannot be used: not a folder`)
})

test('`holdfast manifest`: reads the ledger only, and creates none', async () => {
  const data = temporaryDirectory('manifest')
  openSettings(data).set(settingsSchema.parse({ sources: [{ id: 's', path: '/data', name: 'photos' }] }))
  await run('manifest', 'photos', '--data', data)
  expect(process.exitCode).toBe(0)
  expect(existsSync(path.join(data, 'ledger.db'))).toBe(false)
})
