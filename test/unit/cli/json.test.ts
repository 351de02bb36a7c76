import { expect, test } from 'vitest'
import { jsonText } from '../../../cli/terminal/json.ts'
import { message } from '../../../core/lib/i18n/message.ts'

test('JSON output: a message gets its English sentence beside its key, at any depth', () => {
  const sentence = message('transfer.storeFull', { name: 'cellar' })
  const given = { at: 3, none: null, sources: [{ problems: [sentence] }], key: 'transfer.storeFull' }
  const text = expect.stringMatching(/disk of cellar has too little free space/)
  expect(JSON.parse(jsonText(given))).toEqual({ ...given, sources: [{ problems: [{ ...sentence, text }] }] })
})
