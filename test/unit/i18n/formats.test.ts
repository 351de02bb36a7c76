import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { formatTime, shellWord } from '../../../core/lib/i18n/formats.ts'

// Node.js 20 has 24:21 for `hour12: false`.
test.each(['en', 'zh-TW'])('time in %s: the hour after midnight is 00', (language) => {
  const at = new Date(2026, 1, 1, 0, 21).getTime()
  expect(formatTime(at, language, at)).toBe('00:21')
})

test
  .skipIf(process.platform === 'win32')
  .each(['plain', "it's here", 'a\nb', "\x1b[31m'\\n", '\u202egpj.exe', '\u0085x'])(
  'shell word: a shell reads %j back, and a terminal shows it as one line',
  (word) => {
    const quoted = shellWord(word)
    expect(quoted).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u)
    expect(execFileSync('bash', ['-c', `printf %s ${quoted}`], { encoding: 'utf8' })).toBe(word)
  },
)
