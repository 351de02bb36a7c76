import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { SETTINGS_VERSION } from '../../../core/settings/schema.ts'
import { headless } from '../../support/headless.ts'

test('an import without an agent forgets the secrets of what goes', async () => {
  const hook = { id: 'hook', name: 'Hook', type: 'webhook' }
  const home = headless({ alerts: { channels: [hook] } }, { hook: { url: 'https://hook.example/secret' } })
  const file = path.join(home.directory, 'imported.json')
  writeFileSync(file, JSON.stringify({ version: SETTINGS_VERSION }))
  expect(await home.says(['settings', 'import', file, '--yes'])).toContain('Hook')
  expect(readFileSync(path.join(home.directory, 'secrets.json'), 'utf8')).not.toContain('hook')
})

test('without an agent secrets that the desktop has sealed are called that, and not a wrong login', async () => {
  const nas = {
    ...{ id: 'nas', kind: 'sftp', name: 'nas', host: '127.0.0.1', port: 1, user: 'me', path: '/srv' },
    ...{ folder: 'here', login: 'password', hostKey: `SHA256:${'a'.repeat(43)}` },
  }
  const home = headless({ destinations: [nas] })
  const owners = { nas: { password: { sealed: 'by the keyring' } } }
  writeFileSync(path.join(home.directory, 'secrets.json'), JSON.stringify({ version: 2, owners }))
  for (const words of [
    ['test', 'nas'],
    ['change', 'nas', '--port', '2', '--host-key', nas.hostKey],
  ]) {
    const { code, err } = await home.run(['destinations', ...words])
    expect([code, err]).toEqual([1, expect.stringContaining('cannot be read')])
  }
})
