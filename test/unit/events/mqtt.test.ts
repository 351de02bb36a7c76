import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { createTestEvent } from '../../../core/events/cloud-event.ts'
import { openDeliverer } from '../../../core/events/deliver.ts'
import { eventSinkSchema } from '../../../core/settings/event-sinks.ts'

const [CONNECT, PUBLISH] = [1, 3]

/**
 * A broker of MQTT 5 that states how many unconfirmed messages it takes (null: no limit), and confirms them only when no
 * other has come for a moment.
 */
async function startBroker(receiveMaximum: number | null) {
  const unconfirmed: Buffer[] = []
  const counts = { most: 0, all: 0 }
  const server = createServer((socket) => {
    let rest = Buffer.alloc(0)
    let timer: NodeJS.Timeout | undefined
    const confirm = () => {
      for (const id of unconfirmed.splice(0)) socket.write(Buffer.concat([Buffer.from([0x40, 2]), id]))
    }
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      rest = Buffer.concat([rest, chunk])
      for (let packet = takePacket(rest); packet !== null; packet = takePacket(rest)) {
        rest = rest.subarray(packet.length)
        if (packet.type === CONNECT) {
          const property = receiveMaximum === null ? [] : [0x21, receiveMaximum >> 8, receiveMaximum & 255]
          socket.write(Buffer.from([0x20, 3 + property.length, 0, 0, property.length, ...property]))
        } else if (packet.type === PUBLISH) {
          const topic = packet.body.readUInt16BE(0)
          unconfirmed.push(Buffer.from(packet.body.subarray(2 + topic, 4 + topic)))
          counts.all += 1
          counts.most = Math.max(counts.most, unconfirmed.length)
          clearTimeout(timer)
          timer = setTimeout(confirm, 50)
        }
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return { counts, port: (server.address() as AddressInfo).port }
}

/** Returns the first packet of a buffer; null: it is not complete. */
function takePacket(buffer: Buffer): { type: number; length: number; body: Buffer } | null {
  let size = 0
  for (let index = 1; index < Math.min(buffer.length, 5); index += 1) {
    const byte = buffer[index] ?? 0
    size += (byte & 127) * 128 ** (index - 1)
    if (byte > 127) continue
    const length = index + 1 + size
    if (buffer.length < length) return null
    return { type: (buffer[0] ?? 0) >> 4, length, body: buffer.subarray(index + 1, length) }
  }
  return null
}

test.each([
  [3, 3],
  [null, 20],
  [1_000, 20],
])('MQTT sink: a broker that takes %s unconfirmed messages never has more than %s', async (given, most) => {
  const { counts, port } = await startBroker(given)
  const options = { broker: `mqtt://127.0.0.1:${port}` }
  const sink = eventSinkSchema.parse({ id: 'broker', name: 'Broker', kind: 'mqtt', options })
  const deliverer = openDeliverer(sink, { computer: 'station', secrets: {} })
  onTestFinished(() => deliverer.close())
  const events = Array.from({ length: 50 }, (_, index) => createTestEvent('urn:test', `${index}`, 1))
  expect(await deliverer.deliver(events, new AbortController().signal)).toEqual({ done: true })
  expect(counts.all).toBe(50)
  expect(counts.most).toBeLessThanOrEqual(most)
})
