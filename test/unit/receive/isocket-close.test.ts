import { once } from 'node:events'
import net from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { type IsocketHost, openIsocket } from '../../../core/receive/isocket/isocket.ts'
import { until } from '../../support/until.ts'

/** A listener whose store keeps a file when the test has it do so. */
async function listen() {
  const received: string[] = []
  const storing: (() => void)[] = []
  const host = {
    store: {
      source: async () => ({ id: 1, folder: 'isocket', directory: 'here' }),
      receive: () => new Promise((resolve) => storing.push(() => resolve({ status: 'durable', detail: '' }))),
    },
    onReceived: (files: number, bytes: number) => void received.push(`${files} of ${bytes}`),
    onRefusedConnection: () => undefined,
    onRefusedFile: () => undefined,
    log: () => undefined,
  } as unknown as IsocketHost
  const listener = await openIsocket({ host: '127.0.0.1', port: 0 }, host)
  const connect = async () => {
    const socket = net.connect(listener.port, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    const client = { socket, answers: '' }
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => {
      client.answers += String(bytes)
    })
    await once(socket, 'connect')
    return client
  }
  return { listener, received, storing, connect }
}

test('isocket listener: its end resets idle clients, acknowledges the file that is being stored, and takes no others', async () => {
  const { listener, received, storing, connect } = await listen()
  const [idle, sending] = [await connect(), await connect()]
  sending.socket.write('FILE:a:1\n')
  await until('the content is asked for', () => sending.answers === 'OK\n')
  sending.socket.write('x')
  await until('the file is at the store', () => storing.length === 1)
  const order: string[] = []
  const closed = listener.close().then(() => order.push('closed'))
  await until('the idle client is reset', () => idle.socket.destroyed)
  await expect(connect()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  order.push('stored')
  storing[0]?.()
  await closed
  expect(order).toEqual(['stored', 'closed'])
  await until('the client is gone', () => sending.socket.destroyed)
  expect(sending.answers).toBe('OK\nOK\n')
  expect([received, listener.connections]).toEqual([['1 of 1'], 0])
})
