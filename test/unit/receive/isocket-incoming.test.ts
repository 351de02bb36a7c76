import net from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { readFrom } from '../../../core/receive/isocket/isocket.ts'
import { repeat } from '../../support/repeat.ts'

async function connected(): Promise<{
  incoming: ReturnType<typeof readFrom>
  client: net.Socket
  server: net.Socket
}> {
  const listener = net.createServer({ allowHalfOpen: true })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const accepted = new Promise<net.Socket>((resolve) => listener.once('connection', resolve))
  const client = net.connect((listener.address() as net.AddressInfo).port, '127.0.0.1')
  client.on('error', () => undefined)
  const server = await accepted
  server.on('error', () => undefined)
  onTestFinished(() => {
    client.destroy()
    server.destroy()
    listener.close()
  })
  return { incoming: readFrom(server), client, server }
}

test('isocket input: lines and bytes are read in order, however the client splits its writes', async () => {
  const { incoming, client } = await connected()
  client.write('FILE:a')
  client.write(':3\nab')
  expect(String(await incoming.line(100, 5_000))).toBe('FILE:a:3')
  let content = ''
  client.write('cSTOP\n')
  while (content.length < 3) content += String(await incoming.some(3 - content.length, 5_000))
  expect(content).toBe('abc')
  expect(String(await incoming.line(100, 5_000))).toBe('STOP')
  client.end()
  expect(await incoming.line(100, 5_000)).toBe('closed')
})

test('isocket input: silence, a slowly dripping line, an overlong line and a reset each return their reason', async () => {
  const silent = await connected()
  expect(await silent.incoming.some(1, 30)).toBe('silent')
  repeat(10, () => silent.client.write('x'))
  expect(await silent.incoming.line(1_000_000, 200)).toBe('silent')
  const endless = await connected()
  endless.client.write('x'.repeat(5_000))
  expect(await endless.incoming.line(4_000, 5_000)).toBe('long')
  const reset = await connected()
  reset.client.resetAndDestroy()
  expect(await reset.incoming.some(1, 5_000)).toBe('closed')
})

test('isocket input: a flooding client is held back while its data is not read', async () => {
  const { client, server } = await connected()
  const megabyte = Buffer.alloc(1024 * 1024)
  let flushed = 0
  const onFlushed = () => {
    flushed += 1
  }
  for (let count = 0; count < 64; count += 1) client.write(megabyte, onFlushed)
  await new Promise((resolve) => server.once('readable', resolve))
  expect(server.readableLength).toBeLessThanOrEqual(256 * 1024)
  expect(flushed).toBeLessThan(64)
})
