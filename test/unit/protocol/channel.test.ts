import { once } from 'node:events'
import net from 'node:net'
import type { TLSSocket } from 'node:tls'
import { expect, onTestFinished, test, vi } from 'vitest'
import {
  ALIVE_EVERY_MS,
  type ChannelHandlers,
  FrameChannel,
  SILENT_AFTER_MS,
  SilentPeer,
} from '../../../core/protocol/channel.ts'
import { ProtocolError } from '../../../core/protocol/codec.ts'
import type { Frame } from '../../../core/protocol/frames.ts'
import { until } from '../../support/until.ts'

/** Two ends of a connection on loopback. */
async function connect() {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  const accepted = once(server, 'connection') as Promise<[net.Socket]>
  const here = net.connect(port, '127.0.0.1')
  const [there] = await accepted
  onTestFinished(() => {
    for (const one of [here, there]) one.destroy()
    server.close()
  })
  return { here, there }
}

/** A channel at an end of a connection, and what it hears. */
function openChannel(socket: net.Socket, changes: Partial<ChannelHandlers> = {}) {
  const frames: Frame[] = []
  const closed: (Error | null)[] = []
  const channel = new FrameChannel(socket as TLSSocket, {
    onFrame: (frame) => frames.push(frame),
    onClose: (reason) => closed.push(reason),
    allowed: (type) => type !== 'hello',
    ...changes,
  })
  return { channel, frames, closed }
}

const BROKEN = Buffer.alloc(64, 0xff)
const chunk = Buffer.alloc(128 * 1024, 7)

test('frame channel: frames and payloads arrive whole, compressed as well, and their memory is given back', async () => {
  const { here, there } = await connect()
  const { frames } = openChannel(there)
  const { channel } = openChannel(here)
  const used = vi.fn()
  channel.send('chunk', { id: 1 }, [chunk], used)
  channel.startCompressing()
  channel.send('chunk', { id: 2 }, [chunk], used)
  // More pieces than are written one by one.
  const pieces = Array.from({ length: 20 }, (_, index) => Buffer.alloc(3, index))
  channel.send('chunk', { id: 3 }, pieces, used)
  await until('all have come', () => frames.length === 3)
  expect(frames.map(({ header }) => header)).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }])
  expect(frames.map(({ payload }) => Buffer.compare(payload, chunk))).toEqual([0, 0, expect.any(Number)])
  expect(Buffer.compare(frames[2]?.payload ?? chunk, Buffer.concat(pieces))).toBe(0)
  await until('all memory is back', () => used.mock.calls.length === 3)
})

test('frame channel: an end in order has no reason, and after it nothing is sent or waited for', async () => {
  const { here, there } = await connect()
  const other = openChannel(there)
  const { channel, closed } = openChannel(here)
  expect([channel.closed, channel.isEnding]).toEqual([false, false])
  channel.send('alive', { stalledMs: 3 })
  await channel.end()
  await channel.end()
  expect([channel.closed, channel.isEnding, closed]).toEqual([true, true, [null]])
  await until('the other end has closed', () => other.closed.length > 0)
  expect([other.closed, other.frames.map(({ header }) => header)]).toEqual([[null], [{ stalledMs: 3 }]])
  const used = vi.fn()
  channel.send('chunk', { id: 1 }, [chunk], used)
  await channel.room()
  expect(used).not.toHaveBeenCalled()
})

test('frame channel: an end whose bytes the other end does not take closes all the same', async () => {
  const { here, there } = await connect()
  there.pause()
  const { channel, closed } = openChannel(here)
  for (let id = 0; id < 100; id += 1) channel.send('chunk', { id }, [chunk])
  await channel.end(10)
  expect(closed).toEqual([null])
})

test('frame channel: the reason of an end is the first one', async () => {
  const { here } = await connect()
  const { channel, closed } = openChannel(here)
  const reason = new Error('first')
  channel.destroy(reason)
  channel.destroy(new Error('second'))
  await until('it is closed', () => closed.length > 0)
  expect(closed).toEqual([reason])
})

test('frame channel: a broken frame ends the connection at once', async () => {
  const { here, there } = await connect()
  const { frames, closed } = openChannel(there)
  const { channel } = openChannel(here)
  here.write(BROKEN)
  channel.send('alive', { stalledMs: 0 })
  await until('it is closed', () => closed.length > 0)
  expect([closed, frames]).toEqual([[expect.any(ProtocolError)], []])
})

test('frame channel: after a frame that is not allowed a last frame may go, and later ones are ignored', async () => {
  const { here, there } = await connect()
  const faults: Error[] = []
  const receiver = openChannel(there, {
    onFault(fault) {
      faults.push(fault)
      receiver.channel.send('refused', { code: 'busy', reason: 'x' })
    },
  })
  const { channel, frames, closed } = openChannel(here)
  channel.send('hello', { protocol: 1, name: 'x', purpose: 'pair', session: null, code: 'abc' })
  channel.send('alive', { stalledMs: 0 })
  await until('it is closed', () => closed.length > 0 && receiver.closed.length > 0)
  expect(faults).toEqual([expect.any(ProtocolError)])
  expect(receiver.closed).toEqual(faults)
  expect(receiver.frames).toEqual([])
  expect(frames.map(({ type }) => type)).toEqual(['refused'])
})

test('frame channel: input that is ignored is not decoded', async () => {
  const { here, there } = await connect()
  const { channel, frames, closed } = openChannel(there)
  channel.ignoreInput()
  here.end(BROKEN)
  await until('it is closed', () => closed.length > 0)
  expect([closed, frames]).toEqual([[null], []])
})

test('frame channel: writers wait for room in their order, and all go on when the connection is lost', async () => {
  const { here, there } = await connect()
  const onRoom = vi.fn()
  const { channel } = openChannel(here, { onRoom })
  const order: string[] = []
  await channel.room()
  there.pause()
  // The kernel takes some MiB.
  for (let id = 0; channel.hasRoom || id < 100; id += 1) channel.send('chunk', { id }, [chunk])
  expect(channel.bufferedBytes).toBeGreaterThan(256 * 1024)
  for (const name of ['a', 'b', 'c'])
    void channel.room().then(() => {
      order.push(name)
      // The first one fills the buffer again.
      for (let id = 0; name === 'a' && id < 100; id += 1) channel.send('chunk', { id }, [chunk])
    })
  await new Promise((resolve) => setImmediate(resolve))
  expect([order, onRoom.mock.calls.length]).toEqual([[], 0])
  there.resume()
  await until('all were served', () => order.length === 3)
  expect(order).toEqual(['a', 'b', 'c'])
  await until('there is room for others', () => onRoom.mock.calls.length > 0)
  there.pause()
  for (let id = 0; channel.hasRoom || id < 100; id += 1) channel.send('chunk', { id }, [chunk])
  const waits = [channel.room(), channel.room()]
  channel.destroy(null)
  await Promise.all(waits)
})

test('frame channel: both ends send signs of life, and a silent end counts as gone', async () => {
  const { here, there } = await connect()
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  const clock = vi.spyOn(performance, 'now')
  onTestFinished(() => clock.mockRestore())
  let now = performance.now()
  clock.mockImplementation(() => now)
  const { closed } = openChannel(here, { stalledMs: () => 41.6 })
  const other: Frame[] = []
  const peer = openChannel(there, { onFrame: (frame) => other.push(frame) })
  vi.advanceTimersByTime(ALIVE_EVERY_MS)
  await until('the sign of life', () => other.length > 0)
  expect(other.map(({ header }) => header)).toEqual([{ stalledMs: 42 }])
  now += SILENT_AFTER_MS
  vi.advanceTimersByTime(ALIVE_EVERY_MS)
  await until('the next one', () => other.length > 1)
  peer.channel.destroy(null)
  now += 2 * SILENT_AFTER_MS
  vi.advanceTimersByTime(ALIVE_EVERY_MS)
  await until('the end', () => closed.length > 0)
  expect(closed[0]).toBeInstanceOf(SilentPeer)
})
