import { describe, expect, test } from 'vitest'
import { testDestination } from '../../../core/backends/open.ts'
import type { DestinationOf } from '../../../core/settings/destination-schema.ts'
import { drive } from '../../support/destinations/drive.ts'
import {
  type KeyedServer,
  missingFor,
  openKeyedServer,
  sshPrograms,
} from '../../support/servers/keyed-ssh.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { makeHome } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const settingsFor = ({ port, user, root }: KeyedServer, hostKey: string): DestinationOf<'sftp'> => ({
  ...{ id: 'd', kind: 'sftp', name: 'nas', host: '127.0.0.1', port, user, login: 'key', keyFile: null },
  ...{ hostKey, path: root, folder: 'station', recipient: null, hideNames: false },
})

/** A computer that sends to a server with these host keys. */
async function begin(server: KeyedServer) {
  const home = await makeHome(temporaryDirectory('host-keys'))
  const secrets = { key: server.key }
  const { signal } = new AbortController()
  return {
    tried: (hostKey: string) =>
      testDestination(settingsFor(server, hostKey), {
        identity: home.identity,
        name: 'station',
        secrets,
        signal,
      }),
    drive: (hostKey: string) => drive(home, settingsFor(server, hostKey), secrets),
  }
}

describe.each(sshPrograms)('host keys of %s', (program) => {
  test('a first connection without a host key shows the Ed25519 key, and a file is sent with that key', async ({
    skip,
  }) => {
    const missing = missingFor(program)
    if (missing !== null) skip(missing)
    const server = await openKeyedServer(program)
    await server.serve(['rsa', 'ecdsa', 'ed25519'])
    const { tried, drive: open } = await begin(server)
    const first = await tried('')
    expect(first).toMatchObject({ works: false, sentence: { key: 'transfer.sftp.newHostKey' } })
    expect(first.found.hostKey).toBe(server.fingerprint('ed25519'))
    expect(await open(first.found.hostKey ?? '').send('a', Buffer.from('sent'))).toMatchObject({
      kind: 'stored',
    })
  })

  test('each host key of the server can be the pinned one', async ({ skip }) => {
    const missing = missingFor(program)
    if (missing !== null) skip(missing)
    const server = await openKeyedServer(program)
    await server.serve(['rsa', 'ecdsa', 'ed25519'])
    const { tried } = await begin(server)
    for (const type of ['rsa', 'ecdsa', 'ed25519'] as const)
      expect({ type, ...(await tried(server.fingerprint(type))) }).toMatchObject({ type, works: true })
  })

  test('a host key added to the server does not affect the pinned one', async ({ skip }) => {
    const missing = missingFor(program)
    if (missing !== null) skip(missing)
    const server = await openKeyedServer(program)
    await server.serve(['rsa'])
    const { tried, drive: open } = await begin(server)
    const pinned = server.fingerprint('rsa')
    expect((await tried('')).found.hostKey).toBe(pinned)
    await server.serve(['rsa', 'ecdsa', 'ed25519'])
    const driver = open(pinned)
    expect(await driver.send('a', Buffer.from('sent'))).toMatchObject({ kind: 'stored' })
  })

  test('a replaced host key is rejected even if the server has others', async ({ skip }) => {
    const missing = missingFor(program)
    if (missing !== null) skip(missing)
    const server = await openKeyedServer(program)
    const pinned = server.fingerprint('ecdsa')
    await server.renew('ecdsa')
    await server.serve(['rsa', 'ecdsa', 'ed25519'])
    const { drive: open } = await begin(server)
    const driver = open(pinned)
    const problem = await until('it is told', () => driver.problem)
    expect([driver.state, problem.key]).toEqual(['refused', 'transfer.sftp.otherHostKey'])
  })
})
