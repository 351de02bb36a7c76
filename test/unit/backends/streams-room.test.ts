// @module-tag timeless
import { once } from 'node:events'
import { type AddressInfo, connect as connectTcp, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { StreamPause, Streams } from '../../../core/backends/receiver/streams.ts'
import { createSemaphore } from '../../../core/lib/async/semaphore.ts'
import { FrameChannel } from '../../../core/protocol/channel.ts'
import { loadIdentity } from '../../../core/protocol/identity.ts'
import { CHUNK_BYTES } from '../../../core/protocol/limits.ts'
import { serverOptions } from '../../../core/protocol/tls.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

/** A line without a buffer of its own, as a system's send buffer would take many frames at a time. */
const BYTES_PER_MS = 16 * 1024

function slowLine(socket: Socket): Duplex {
  const line = new Duplex({
    read: () => socket.resume(),
    write(bytes: Buffer, _, done) {
      socket.write(bytes)
      setTimeout(done, bytes.length / BYTES_PER_MS)
    },
    destroy(error, done) {
      socket.destroy()
      done(error)
    },
  })
  socket.on('data', (bytes) => line.push(bytes)).on('close', () => line.destroy())
  return line
}

/** Starts a receiver behind a slow line; returns a function that opens a channel to it. */
async function startFarReceiver() {
  const identity = await loadIdentity(temporaryDirectory('streams-room'))
  const sockets = new Set<TLSSocket>()
  const server = createServer(serverOptions(identity), (socket) => {
    sockets.add(socket)
    socket.on('error', () => sockets.delete(socket)).resume()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { key, certificate: cert } = identity
  return async (onRoom: () => void): Promise<FrameChannel> => {
    const socket = connect({
      socket: slowLine(connectTcp({ port, host: '127.0.0.1' })),
      key,
      cert,
      rejectUnauthorized: false,
    })
    await once(socket, 'secureConnect')
    const channel = new FrameChannel(socket, {
      ...{ onFrame: () => undefined, onClose: () => undefined, allowed: () => true, onRoom },
    })
    onTestFinished(() => channel.destroy(null))
    return channel
  }
}

test('data streams: no frame is written to a stream after its end, whenever the line turns out short', async () => {
  const written: string[] = []
  const further = {
    ...{ hasRoom: true, bufferedBytes: 0, destroy: () => undefined },
    send: () => void written.push('frame'),
    end: async () => void written.push('end'),
  }
  /** Chooses a stream for a frame after some turns of the microtask queue, and writes it some turns later. */
  const send = async (turns: number) => {
    for (let turn = 0; turn < turns; turn += 1) await null
    const { channel } = await streams.pick()
    await null
    channel.send('alive', { stalledMs: 0 })
  }
  const streams: Streams = new Streams(
    { hasRoom: true, bufferedBytes: 1, send: () => undefined },
    {
      ...{ most: 4, roundTripMs: 100, pause: new StreamPause(), log: () => undefined },
      attach: async () => ({ channel: further, bytes: 0, roundTripMs: 2 }),
      onCredit() {
        for (let turns = 0; turns < 12; turns += 1) void send(turns)
      },
    },
  )
  onTestFinished(() => streams.close())
  await until('the stream to end', () => {
    // They wait for credit. A process that is busy at that time gets no streams.
    streams.noteHeldUp()
    return written.includes('end')
  })
  await until('its frames', () => written.length > 1)
  expect(written.indexOf('end')).toBe(written.length - 1)
})

test('data streams: four writers beside a large file send on after the streams of a line that turned out short are closed', async () => {
  const open = await startFarReceiver()
  const control = await open(() => streams.onRoom())
  let opened = 0
  const streams: Streams = new Streams(control, {
    ...{ most: 4, roundTripMs: 100, pause: new StreamPause() },
    // The line seems long until several streams are open.
    attach: async (onRoom) => {
      opened += 1
      return { channel: await open(onRoom), bytes: 0, roundTripMs: opened === 1 ? 100 : 2 }
    },
    onCredit: () => undefined,
    log: () => undefined,
  })
  let isOver = false
  onTestFinished(() => {
    isOver = true
    streams.close()
  })
  const frames = [0, 0, 0, 0, 0]
  /** The receiver's credit for the large file: some of its chunks are always on their way. */
  const credit = createSemaphore(4)
  const write = async (writer: number): Promise<void> => {
    while (!isOver) {
      const isLarge = writer === 0
      if (isLarge) await credit.acquire()
      const { channel } = await (isLarge ? streams.roomOn(streams.control) : streams.pick())
      const give = () => (isLarge ? credit.release() : undefined)
      channel.send('chunk', { id: writer }, [Buffer.alloc(CHUNK_BYTES)], give)
      frames[writer] = (frames[writer] ?? 0) + 1
    }
  }
  for (const writer of frames.keys()) void write(writer)
  await until('several streams are open', () => streams.count > 2)
  await until('one connection is left', () => streams.count === 1)
  const before = [...frames]
  await until('each writer has sent three more frames', () =>
    frames.every((count, writer) => count >= (before[writer] ?? 0) + 3),
  ).catch((error) => {
    throw new Error(`${String(error)}: ${before.join(', ')} > ${frames.join(', ')}`)
  })
  expect(opened).toBe(3)
})
