import { expect, onTestFinished, test, vi } from 'vitest'
import {
  chooseStreams,
  type DataStream,
  type SpreadOptions,
  StreamPause,
  Streams,
} from '../../../core/backends/receiver/streams.ts'
import { until } from '../../support/until.ts'

const line = { most: 16, roundTripMs: 100, isHeldUp: true, utilization: 0.1 }
const now = { ...line, streams: 1, rate: 1000, rateBefore: null }

test.each([
  ['a long line that holds files up gets a few streams', {}, 4],
  ['a long line with room gets none', { isHeldUp: false }, 1],
  ['a short line gets none', { roundTripMs: 2 }, 1],
  ['a line that turns out to be short keeps none', { roundTripMs: 2, streams: 4, isHeldUp: false }, 1],
  ['a few streams that still hold files up become all', { streams: 4 }, 16],
  ['no more than the receiver allows are opened', { streams: 4, most: 6 }, 6],
  ['fewer than a few are opened if the receiver allows no more', { most: 2 }, 2],
  ['many streams that are faster stay', { streams: 16, rate: 1200, rateBefore: 1000 }, 16],
  ['many streams that are no faster become a few', { streams: 16, rate: 1050, rateBefore: 1000 }, 4],
  ['a process that is busy gets none', { utilization: 0.7 }, 1],
  ['a process that is busy keeps a few', { streams: 4, utilization: 0.7 }, 4],
  [
    'many streams are not compared while the line has room',
    { streams: 16, rate: 5, rateBefore: 1000, isHeldUp: false },
    16,
  ],
])('number of data streams: %s', (_, change, wanted) => {
  expect(chooseStreams({ ...now, ...change })).toBe(wanted)
})

/** Longer than the first measurement. */
const SOON_MS = 1_000

/** A connection whose buffer the test fills. */
function fakeChannel() {
  const state = { buffered: 0, ended: false, destroyed: false }
  const channel = {
    send: () => undefined,
    get hasRoom() {
      return state.buffered < 10
    },
    get bufferedBytes() {
      return state.buffered
    },
    end: async () => {
      state.ended = true
    },
    destroy: () => {
      state.destroyed = true
    },
  }
  return { state, channel }
}

function openStreams(options: Partial<SpreadOptions> = {}) {
  const control = fakeChannel()
  const opened: ReturnType<typeof fakeChannel>[] = []
  const credits: number[] = []
  const logged: string[] = []
  const streams = new Streams(control.channel, {
    ...{ most: 4, roundTripMs: 100, pause: new StreamPause() },
    attach: async () => {
      const stream = fakeChannel()
      opened.push(stream)
      return { channel: stream.channel, bytes: 5, roundTripMs: 100 }
    },
    onCredit: (bytes) => void credits.push(bytes),
    log: (text) => void logged.push(text),
    ...options,
  })
  return { control, opened, credits, logged, streams }
}

/** Files wait for the line until a condition holds. */
const whileHeldUp = (streams: Streams, what: string, isTrue: () => boolean) =>
  until(what, () => {
    streams.noteHeldUp()
    return isTrue()
  })

const untilGrown = (streams: Streams) =>
  whileHeldUp(streams, 'further streams are open', () => streams.count === 4)

test('data streams: frames go to the stream with the fewest buffered bytes, and wait in order if none has room', async () => {
  const { control, opened, credits, streams } = openStreams()
  expect(await streams.pick()).toBe(streams.control)
  await untilGrown(streams)
  expect(credits).toEqual([5, 5, 5])
  control.state.buffered = 9
  for (const [index, { state }] of opened.entries()) state.buffered = index + 1
  expect((await streams.pick()).channel).toBe(opened[0]?.channel)
  for (const { state } of [control, ...opened]) state.buffered = 10
  const order: string[] = []
  const first = streams
    .pick()
    .then(({ channel }) => order.push(channel === opened[1]?.channel ? 'first' : '?'))
  const second = streams.pick().then(() => order.push('second'))
  streams.onRoom()
  if (opened[1] !== undefined) opened[1].state.buffered = 0
  streams.onRoom()
  await Promise.all([first, second])
  expect(order).toEqual(['first', 'second'])
  streams.close()
  expect(opened.map(({ state }) => state.destroyed)).toEqual([true, true, true])
})

test('data streams: a receiver that refuses them gets everything on the first connection', async () => {
  const { logged, streams } = openStreams({ attach: () => Promise.reject(new Error('no room')) })
  await whileHeldUp(streams, 'that is logged', () => logged.length > 0)
  expect(logged).toEqual(['1 data stream from now on; others were not opened: Error: no room'])
  streams.noteHeldUp()
  expect(await streams.pick()).toBe(streams.control)
})

test('data streams: a line that only seemed long as both ends started gets none', async () => {
  const stream = fakeChannel()
  const { credits, streams } = openStreams({
    attach: async () => ({ channel: stream.channel, bytes: 5, roundTripMs: 2 }),
  })
  await whileHeldUp(streams, 'the first stream is closed', () => stream.state.ended)
  expect([streams.count, credits.length]).toEqual([1, 1])
})

test('data streams: a stream that is closed waits for the files that began on it', async () => {
  const { streams } = openStreams()
  let isUnused = false
  const { control } = streams
  control.beginFile()
  control.retire(() => {
    isUnused = true
  })
  expect(isUnused).toBe(false)
  control.endFile()
  expect(isUnused).toBe(true)
})

test('data streams: the session after one that has lost a stream has one connection for some minutes', async () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const pause = new StreamPause()
  const first = openStreams({ pause })
  // A file may wait for seconds, so a single note has to be enough.
  first.streams.noteHeldUp()
  await vi.advanceTimersByTimeAsync(SOON_MS)
  expect(first.streams.count).toBe(4)
  pause.begin()
  first.streams.close()
  const next = openStreams({ pause })
  next.streams.noteHeldUp()
  await vi.advanceTimersByTimeAsync(SOON_MS)
  expect([next.streams.count, next.opened.length]).toEqual([1, 0])
  await vi.advanceTimersByTimeAsync(5 * 60_000)
  next.streams.noteHeldUp()
  await vi.advanceTimersByTimeAsync(SOON_MS)
  expect(next.streams.count).toBe(4)
})

test('data streams: new metadata of directories go on the first connection only, and other files on any', async () => {
  const { control, opened, streams } = openStreams()
  const source = { id: 'ab', name: 'data', path: '/data' }
  const facts = { size: 0, mtimeNs: 1n, mode: 0o755, user: 0, group: 0, more: null }
  await untilGrown(streams)
  control.state.buffered = 9
  const before = [{ path: 'd', facts, readAt: 0n }]
  const files = [{ source, path: 'd/f', facts }]
  const newsOn = (stream: DataStream, found: typeof before) =>
    streams.divide(stream, files, found).flatMap(({ directories }) => directories)
  expect(await streams.pickFor(source, before)).toBe(streams.control)
  expect(newsOn(streams.control, before)).toEqual([[0, 'd', [0, 1, 0o755, 0, 0, null]]])
  const other = await streams.pickFor(source, before)
  expect(opened.map(({ channel }) => channel)).toContain(other.channel)
  const after = [{ path: 'd', facts: { ...facts, mode: 0o700 }, readAt: 1n }]
  expect(await streams.pickFor(source, after)).toBe(streams.control)
  expect(newsOn(other, after)).toEqual([])
  expect(newsOn(streams.control, after)).toHaveLength(1)
})

test('data streams: new metadata of directories wait for the first connection while further ones are opened', async () => {
  const { control, opened, streams } = openStreams()
  const source = { id: 'ab', name: 'data', path: '/data' }
  const facts = { size: 0, mtimeNs: 1n, mode: 0o755, user: 0, group: 0, more: null }
  control.state.buffered = 10
  const picked = streams.pickFor(source, [{ path: 'd', facts, readAt: 0n }])
  await untilGrown(streams)
  expect(opened).toHaveLength(3)
  control.state.buffered = 0
  streams.onRoom()
  expect(await picked).toBe(streams.control)
})
