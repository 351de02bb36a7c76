import type { IncomingMessage } from 'node:http'
import { expect, test } from 'vitest'
import { createPeerReader } from '../../../core/agent/web/peer.ts'
import { webProxySchema } from '../../../core/settings/schema.ts'

const proxy = webProxySchema.parse({
  ...{ addresses: ['10.0.0.5', '192.168.0.0/16', 'fd00::/8'], userHeader: 'X-Remote-User' },
  operators: ['ada'],
})

function read(
  address: string | undefined,
  headers: Record<string, string>,
  settings = proxy,
  isSocket = true,
) {
  const headersDistinct = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, value.split('\n')]),
  )
  const request = {
    socket: { remoteAddress: address },
    headers: { host: 'inner', ...headers },
    headersDistinct,
  }
  return createPeerReader(settings, { isSecure: false, isSocket })(request as unknown as IncomingMessage)
}

const headers = {
  ...{ 'x-forwarded-for': '203.0.113.9, 198.51.100.7, 192.168.3.4', 'x-forwarded-proto': 'https' },
  ...{ 'x-forwarded-host': 'evil.example, station.example', 'x-remote-user': 'ada' },
}

test('page peer: each spelling of a trusted address is trusted, and the nearest other address is the browser', () => {
  for (const address of ['10.0.0.5', '::ffff:10.0.0.5', '192.168.255.1', '::ffff:192.168.0.1', 'fd12::1'])
    expect([address, read(address, headers)]).toEqual([
      address,
      {
        ...{ address: '198.51.100.7', host: 'station.example', isSecure: true },
        user: { name: 'ada', role: 'operator', by: 'proxy' },
      },
    ])
})

test('page peer: no header counts from another address, nor over the socket unless it is named', () => {
  for (const address of [
    '10.0.0.6',
    '::ffff:10.0.0.6',
    '10.0.0.50',
    '192.169.0.1',
    'fe80::1',
    '127.0.0.1',
    '::1',
  ])
    expect(read(address, headers)).toEqual({ address, host: 'inner', isSecure: false, user: null })
  expect(read(undefined, headers)).toEqual({ address: '', host: 'inner', isSecure: false, user: null })
  const named = webProxySchema.parse({ ...proxy, addresses: ['unix'] })
  expect(read(undefined, headers, named)).toMatchObject({ address: '192.168.3.4', user: { name: 'ada' } })
  expect(read('10.0.0.5', headers, named).user).toBeNull()
  // A connection over TCP that was reset.
  expect(read(undefined, headers, named, false)).toMatchObject({ address: '', host: 'inner', user: null })
})

test('page peer: a header that is sent twice, empty or too long names no user', () => {
  for (const user of ['', '  ', 'eve\nada', 'x'.repeat(101)])
    expect(read('10.0.0.5', { 'x-remote-user': user }).user).toBeNull()
  expect(read('10.0.0.5', { 'x-remote-user': 'ADA' }).user).toMatchObject({ name: 'ADA', role: 'viewer' })
  // Without a header of users, a proxy only reports addresses.
  const plain = webProxySchema.parse({ addresses: ['10.0.0.5'] })
  expect(read('10.0.0.5', headers, plain).user).toBeNull()
  expect(read('10.0.0.5', { 'x-forwarded-for': 'unknown' }, plain).address).toBe('10.0.0.5')
})
