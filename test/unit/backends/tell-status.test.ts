import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { StatusNow } from '../../../core/backends/options.ts'
import { statusFrame, tellStatus } from '../../../core/backends/receiver/receiver.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { encodeFrame } from '../../../core/protocol/codec.ts'
import { type FrameHeader, frameKinds } from '../../../core/protocol/frames.ts'
import { statusHeader } from '../../support/transfer/wire-client.ts'

test('status frame: the receiver accepts the frame whatever texts it is built from', () => {
  const words = [
    '',
    'The file /data/two\nlines\x1b[2J\u009b cannot be read.',
    '空'.repeat(5_000),
    '😀'.repeat(5_000),
    `x${'😀'.repeat(5_000)}`,
    'cut \ud800',
    '\ud800'.repeat(5_000),
  ]
  for (const word of words) {
    const frame = statusFrame({ ...statusHeader(), kind: word, sentence: word, version: word }, 2e12)
    expect(frameKinds.status.header.safeParse(frame)).toEqual({ success: true, data: frame })
    expect(() => encodeFrame('status', frame)).not.toThrow()
    for (const text of [frame.kind, frame.sentence, frame.version]) expect(text?.isWellFormed()).toBe(true)
  }
  const { sentence } = statusFrame(statusHeader({ sentence: 'a\r\nb' }), 2e12)
  expect(sentence).toBe('a b')
})

test('status frame: message parts are sent only if short and without control characters', () => {
  const getWords = (path: string) =>
    statusFrame({ ...statusHeader(), words: message('check.missing', { path }) }, 2e12).words
  expect(getWords('/data')).toEqual(message('check.missing', { path: '/data' }))
  expect(getWords('/da\nta')).toBeUndefined()
  expect(getWords('空'.repeat(999))).toEqual(undefined)
  expect(getWords('x'.repeat(1001))).toBeUndefined()
})

test('status frame: the causes of a failure go with the words, and both or neither fit', () => {
  const words = message('status.disk.read-only', { name: 'data' })
  const causes = [message('cause.ext4Error', { device: 'sdb1' })]
  expect(statusFrame({ ...statusHeader(), words, causes }, 2e12)).toMatchObject({ words, causes })
  expect(statusFrame({ ...statusHeader(), words }, 2e12)).not.toHaveProperty('causes')
  for (const bad of [
    [message('cause.ext4Error', { device: 'sd\nb1' })],
    [1, 2, 3, 4].flatMap(() => causes),
    [message('cause.ext4Error', { device: '空'.repeat(999) })],
  ]) {
    const frame = statusFrame({ ...statusHeader(), words, causes: bad }, 2e12)
    expect(frame).not.toHaveProperty('words')
    expect(frame).not.toHaveProperty('causes')
    expect(frameKinds.status.header.safeParse(frame).success).toBe(true)
  }
})

test('status frame: an oldest waiting time in the future is reduced to the present', () => {
  const at = (oldestWaitingAt: number | null) =>
    statusFrame(statusHeader({ oldestWaitingAt }), 5_000).oldestWaitingAt
  expect([at(null), at(4_000), at(6_000)]).toEqual([null, 4_000, 5_000])
})

describe('status reports', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  function open(first: StatusNow | null = statusHeader()) {
    const sent: FrameHeader<'status'>[] = []
    const state = { status: first, room: Promise.resolve(), waits: 0 }
    const channel = {
      send: (_type: string, header: object) => void sent.push(header as FrameHeader<'status'>),
      room: () => {
        state.waits += 1
        return state.room
      },
    }
    const end = tellStatus(channel, () => state.status)
    const seconds = (count: number) => vi.advanceTimersByTimeAsync(count * 1_000)
    return { sent, state, end, seconds }
  }

  test('the status is sent at once, with the next heartbeat after a change, and once a minute', async () => {
    const { sent, state, seconds } = open()
    await seconds(0)
    expect(sent).toEqual([statusHeader()])
    await seconds(54)
    expect(sent).toHaveLength(1)
    await seconds(1)
    expect(sent).toHaveLength(2)
    state.status = statusHeader({ level: 'ok' })
    await seconds(4)
    state.status = statusHeader({ level: 'working' })
    await seconds(1)
    expect(sent.slice(2)).toEqual([statusHeader({ level: 'working' })])
  })

  test('a report is sent once a status exists, and no more reports follow after stop', async () => {
    const { sent, state, end, seconds } = open(null)
    await seconds(70)
    expect(sent).toEqual([])
    state.status = statusHeader()
    await seconds(5)
    expect(sent).toHaveLength(1)
    end()
    state.status = statusHeader({ level: 'ok' })
    await seconds(70)
    expect([sent.length, vi.getTimerCount()]).toEqual([1, 0])
  })

  test('a connection without room delays the report, and only the latest status is sent', async () => {
    const { sent, state, seconds } = open()
    await seconds(0)
    let give: () => void = () => undefined
    state.room = new Promise((resolve) => {
      give = resolve
    })
    for (const waitingFiles of [4, 5, 6]) {
      state.status = statusHeader({ waitingFiles })
      await seconds(5)
    }
    expect([sent.length, state.waits]).toEqual([1, 2])
    give()
    await seconds(0)
    expect(sent.slice(1)).toEqual([statusHeader({ waitingFiles: 6 })])
  })

  test('a final status is sent at once on stop if it has changed', async () => {
    const { sent, state, end, seconds } = open()
    await seconds(0)
    state.status = statusHeader({ level: 'ok' })
    end(true)
    expect(sent).toEqual([statusHeader(), statusHeader({ level: 'ok' })])
    const same = open()
    await same.seconds(0)
    same.end(true)
    expect(same.sent).toHaveLength(1)
  })

  test('a report that waits for room is dropped on stop', async () => {
    const { sent, state, end, seconds } = open(null)
    await seconds(4)
    let give: () => void = () => undefined
    state.room = new Promise((resolve) => {
      give = resolve
    })
    await seconds(2)
    state.status = statusHeader()
    end()
    give()
    await seconds(0)
    expect(sent).toEqual([])
  })
})
