import { expect, test } from 'vitest'
import { formatTime } from '../../../core/lib/i18n/formats.ts'

// Node.js 20 has 24:21 for `hour12: false`.
test.each(['en', 'zh-TW'])('time in %s: the hour after midnight is 00', (language) => {
  const at = new Date(2026, 1, 1, 0, 21).getTime()
  expect(formatTime(at, language, at)).toBe('00:21')
})
