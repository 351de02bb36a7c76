import { expect, test } from 'vitest'
import { message, type WordKey } from '../../../core/lib/i18n/message.ts'
import { readReceived, renderReceived } from '../../../core/lib/i18n/received.ts'
import { createWords } from '../../../core/lib/i18n/words.ts'

const say = createWords('zh-TW', 'window')
const words = message('status.disk.read-only', { name: 'data' })
const cause = message('cause.stoppedWriting', { type: 'ext4' })
const sentence = 'data is read-only. Then ext4 stopped writing to protect the data.'

test('sentence of another computer: it and its causes are shown in the reader’s language', () => {
  const shown = renderReceived({ sentence, words, causes: [cause] }, say)
  expect(shown).toContain(say(words))
  expect(shown).toContain(say(cause))
  expect(renderReceived({ sentence, words }, say)).toBe(say(words))
})

test('sentence of another computer: its own text is shown if a part is unknown here', () => {
  const asItCame = { sentence: message('computer.text', { text: sentence }), causes: [] }
  const later = message('cause.ofALaterVersion' as WordKey)
  const withoutParameter = message('cause.stoppedWriting')
  for (const causes of [[later], [withoutParameter]])
    expect(readReceived({ sentence, words, causes })).toEqual(asItCame)
  expect(readReceived({ sentence, words: null, causes: [cause] })).toEqual(asItCame)
  expect(renderReceived({ sentence, words: null, causes: [cause] }, say)).toBe(sentence)
})

test('sentence of another computer: one that nests itself, or would when it is nested, is shown as its own text', () => {
  const disk = message('condition.diskFinding', { disk: 'condition.diskFinding' })
  const reported = message('transfer.senderReports', { sender: 'a', said: 'status.nothingYet' })
  for (const nesting of [disk, reported])
    expect(renderReceived({ sentence, words: nesting }, say)).toBe(sentence)
})
