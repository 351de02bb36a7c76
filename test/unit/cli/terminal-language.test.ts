import { afterEach, expect, test, vi } from 'vitest'
import { terminalHost } from '../../../cli/terminal-host.ts'

afterEach(() => vi.unstubAllEnvs())

test.each([
  [{ LC_ALL: '', LC_MESSAGES: '', LANG: 'zh_TW.UTF-8' }, 'zh-TW'],
  [{ LC_ALL: '', LC_MESSAGES: 'zh_TW', LANG: 'en_GB.UTF-8' }, 'zh-TW'],
  [{ LC_ALL: 'C', LC_MESSAGES: 'zh_TW', LANG: 'zh_TW' }, 'en'],
  [{ LC_ALL: '', LC_MESSAGES: '', LANG: '' }, 'en'],
])('terminal language: %j gives %s, as an empty variable is ignored', (variables, language) => {
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value)
  expect(terminalHost(() => undefined).systemLanguage).toBe(language)
})
