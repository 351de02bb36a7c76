// @module-tag story
import { describe, expect, test } from 'vitest'
import { inBytes, shorten } from '../../../core/alerts/channels/channel.ts'
import { attempt, givenFor, textSent } from '../../support/alerts/channels.ts'
import { recordingServer } from '../../support/servers/recording-server.ts'

// What a service gets is what was written, as much of it as it takes.

const TEXT =
  '\n[PROJ_CODE] A&B 100 % a+b, in <run_1>\n>>> touch failed: 磁碟 "唯讀" \\n 👩‍👩‍👧 é ~`*_[]() &amp; ends\n'

const utf16 = (text: string) => text.length
const teamsSize = (text: string) => inBytes(JSON.stringify(text))

/** How much each takes, measured as it measures. */
const limits = [
  ['line', 5_000, utf16],
  ['line-notify', 1_000, utf16],
  ['ntfy', 4_096, inBytes],
  ['slack', 40_000, utf16],
  ['teams', 28_000, teamsSize],
  ['telegram', 4_096, utf16],
  ['ping', 10_000, inBytes],
] as const

/** A webhook takes all. */
const types = [...limits.map(([type]) => type), 'webhook'] as const

async function sent(type: (typeof types)[number], text: string): Promise<string> {
  const server = await recordingServer()
  expect(await attempt(type, givenFor(type, server.origin), { text }, 2_000)).toMatchObject({
    did: 'delivered',
  })
  const [request] = server.requests
  if (request === undefined) throw new Error('nothing was sent')
  return textSent(type, request)
}

describe.each(types)('%s channel', (type) => {
  test('a text with special characters arrives unchanged', async () => {
    expect(await sent(type, TEXT)).toBe(TEXT)
  })

  test('half of a surrogate pair is replaced by the replacement character', async () => {
    expect(await sent(type, 'a\ud83eb')).toBe('a\ufffdb')
  })
})

describe.each(limits)('%s channel, text limit', (type, most, measureSize) => {
  test.each([
    ['Chinese', '磁'],
    ['pairs', '🧯'],
    ['what must be escaped', '"'],
    ['letters', 'x'],
  ])('a text of %s is cut at the limit, and no character is split', async (_, character) => {
    const whole = character.repeat(most + 1)
    // Every place in a character comes to be at the limit.
    for (let shift = 0; shift < Math.min(8, character.length + 1); shift += 1) {
      const text = await sent(type, 'y'.repeat(shift) + whole)
      expect(text.endsWith('…')).toBe(true)
      expect(measureSize(text)).toBeLessThanOrEqual(most)
      const kept = text.slice(shift, -1)
      expect(kept).toBe(character.repeat(kept.length / character.length))
      // As much as fits: less than a character, and what is around the text, is left over.
      expect(measureSize(text)).toBeGreaterThan(most - measureSize(character) - 700)
    }
  })
})

test('LINE Notify channel: a text that just fits is not cut', async () => {
  const fits = '🧯'.repeat(500)
  expect(await sent('line-notify', fits)).toBe(fits)
  expect(await sent('line-notify', `${fits}x`)).toBe(`${'🧯'.repeat(499)}…`)
})

test.each([
  ['nothing', '', 10, ''],
  ['what is as long as it may be', 'abc', 3, 'abc'],
  ['one too many', 'abcd', 3, 'ab…'],
  ['no room', 'abcd', 1, '…'],
  ['a character that does not end', `a${'\u0301'.repeat(500)}`, 300, `a${'\u0301'.repeat(298)}…`],
  ['pairs that join without an end', '\u{1f469}\u200d'.repeat(200), 299, `${'\u{1f469}\u200d'.repeat(99)}…`],
])('shorten(): %s gives the expected text', (_, text, most, expected) => {
  expect(shorten(text, most)).toBe(expected)
})
