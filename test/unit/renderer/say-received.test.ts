import { expect, test } from 'vitest'
import { message, type WordKey } from '../../../core/lib/i18n/message.ts'
import { createWords } from '../../../core/lib/i18n/words.ts'
import { sayReceived } from '../../../renderer/features/receiving/say-received.ts'

const say = createWords('zh-TW', 'window')
const words = message('status.disk.read-only', { name: 'data' })
const cause = message('cause.stoppedWriting', { type: 'ext4' })
const ENGLISH = 'data is read-only. Then ext4 stopped writing to protect the data.'

test('status of a sender: its sentence and the causes are shown in the reader’s language', () => {
  const shown = sayReceived(words, ENGLISH, { say }, [cause])
  expect(shown).toContain(say(words))
  expect(shown).toContain(say(cause))
  expect(sayReceived(words, ENGLISH, { say })).toBe(say(words))
})

test('status of a sender: the sender’s own text is shown if a part is unknown here', () => {
  const later = message('cause.ofALaterVersion' as WordKey)
  expect(sayReceived(words, ENGLISH, { say }, [later])).toBe(ENGLISH)
  expect(sayReceived(null, ENGLISH, { say }, [cause])).toBe(ENGLISH)
})
