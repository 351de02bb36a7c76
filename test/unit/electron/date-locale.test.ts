import { expect, test } from 'vitest'
import { dateLocale } from '../../../electron/main/date-locale.ts'

test.each([
  [{}, 'en-GB'],
  [{ LC_ALL: 'C' }, 'en-GB'],
  [{ LC_ALL: 'POSIX', LANG: 'en_US.UTF-8' }, 'en-GB'],
  [{ LANG: 'C.UTF-8' }, 'en-GB'],
  [{ LANG: 'en' }, 'en-GB'],
  [{ LANG: 'de_DE.UTF-8' }, 'en-GB'],
  [{ LANG: 'en_US.UTF-8' }, null],
  [{ LANGUAGE: 'zh_TW:en', LC_ALL: 'C' }, null],
  [{ LC_ALL: '', LC_MESSAGES: 'zh_TW.UTF-8', LANG: 'C' }, null],
])('date locale: the environment %o gives %s', (env, locale) => {
  expect(dateLocale(env)).toBe(locale)
})
