import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:tls'
import { expect, onTestFinished, test, vi } from 'vitest'
import { attachStream } from '../../../core/backends/receiver/dial.ts'
import { FrameChannel } from '../../../core/protocol/channel.ts'
import { loadIdentity } from '../../../core/protocol/identity.ts'
import { serverOptions } from '../../../core/protocol/tls.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const KEY = '00'.repeat(16)

/** Opens a data stream to a receiver that gives it credit. Returns both ends, and the losses that were reported. */
async function attach() {
  const identity = await loadIdentity(temporaryDirectory('attached'))
  const atReceiver: FrameChannel[] = []
  const server = createServer(serverOptions(identity), (socket) => {
    const channel = new FrameChannel(socket, {
      allowed: () => true,
      onFrame: ({ type }) => type === 'attach' && channel.send('credit', { bytes: 7 }),
      onClose: () => undefined,
    })
    atReceiver.push(channel)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const channel of atReceiver) channel.destroy(null)
    server.close()
  })
  const losses: Error[] = []
  const { port } = server.address() as AddressInfo
  const peer = { host: '127.0.0.1', port, fingerprint: identity.fingerprint }
  const { signal } = new AbortController()
  const handlers = { onRoom: () => undefined, onLost: (reason: Error) => void losses.push(reason) }
  const { channel } = await attachStream(peer, identity, { key: KEY, zstd: false }, signal, handlers)
  onTestFinished(() => channel.destroy(null))
  return { channel, receiver: atReceiver[0] ?? expect.fail('not connected'), losses }
}

test('attached stream: counts as lost if the receiver ends it, even in order', async () => {
  const { channel, receiver, losses } = await attach()
  void receiver.end()
  await until('the stream is closed', () => channel.closed)
  expect(losses).toMatchObject([{ code: 'ECONNRESET' }])
})

test('attached stream: does not count as lost if this end closes it in order', async () => {
  const { channel, losses } = await attach()
  await channel.end()
  expect(losses).toEqual([])
})

test('attached stream: counts as lost if it breaks off while this end closes it', async () => {
  const { channel, losses } = await attach()
  channel.destroy(new Error('broken off'))
  await until('the stream is closed', () => channel.closed)
  expect(losses).toMatchObject([{ message: 'broken off' }])
})

test('attached stream: no interval goes on at either end after it is closed', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  const { channel, receiver } = await attach()
  expect(vi.getTimerCount()).toBe(2)
  await channel.end()
  await until('the other end is closed', () => receiver.closed)
  expect(vi.getTimerCount()).toBe(0)
})
