import { expect, test } from 'vitest'
import { valueText } from '../../../cli/terminal/setting-words.ts'

test('values of settings: a label cannot control the terminal or begin a line', () => {
  expect(valueText('alerts.labels.project', 'A\nB \x1b[2J')).toBe('A\\x0aB \\x1b[2J')
})
