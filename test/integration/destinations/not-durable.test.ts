// Servers that do not confirm that files are on their disks: nothing is deleted here because of a copy there.
// @module-tag story
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { Destination } from '../../../core/settings/destination-schema.ts'
import { sftpKind } from '../../support/destinations/sftp-kind.ts'
import { webdavKind } from '../../support/destinations/webdav-kind.ts'
import { startLyingSftp } from '../../support/servers/lying-sftp.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { type Home, makeHome, senderConfig, startTestSender } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const kinds = [sftpKind, webdavKind]
beforeAll(() => Promise.all(kinds.map((kind) => kind.start?.())))
afterAll(() => Promise.all(kinds.map((kind) => kind.stop?.())))

/** Returns the connection of a sender once it is connected. */
async function connect(home: Home, destination: Destination, secrets: Record<string, string>) {
  const sender = startTestSender()
  onTestFinished(() => void sender.kill())
  sender.configure({ ...senderConfig(home, { port: 0, fingerprint: '' }), destination, secrets })
  const connected = await until('it is connected', () => {
    const connection = sender.report()?.connection
    return connection?.state === 'connected' && connection
  })
  return connected
}

test.each([
  [sftpKind, true],
  [webdavKind, false],
])('$name destination: the sender reports whether files there are proven durable', async (kind, durable) => {
  const home = await makeHome(temporaryDirectory('not-durable'))
  const place = await kind.open(home)
  expect(await connect(home, place.settings(), place.secrets)).toMatchObject({ durable })
})

test('sftp destination without fsync: the sender reports that files there are not proven durable', async () => {
  const home = await makeHome(temporaryDirectory('not-durable'))
  const server = await startLyingSftp('secret')
  onTestFinished(() => server.stop())
  writeFileSync(path.join(home.source, 'a'), 'a')
  const place = await sftpKind.open(home)
  const { port, hostKey } = server
  const at = { ...place.settings(port), hostKey, path: '', user: 'u', login: 'password' } as Destination
  expect(await connect(home, at, { password: 'secret' })).toMatchObject({ durable: false })
})
