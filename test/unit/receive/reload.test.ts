import { hostname } from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { loadConfig } from '../../../core/receive/service/config.ts'
import { startService } from '../../../core/receive/service/service.ts'
import { workerScript } from '../../support/cli/command-script.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

test('receiver service: a reload starts again at the same port, and a quota without a sender is named', async () => {
  const directory = temporaryDirectory('reload')
  const given = { store: path.join(directory, 'store'), host: '127.0.0.1', port: 0, name: 'one' }
  const logged: string[] = []
  const scripts = {
    storeThread: workerScript('store-thread'),
    setUpStores: path.join(directory, 'stores.json'),
    alertStoreThread: workerScript('alert-store-thread'),
  }
  const service = await startService(
    scripts,
    await loadConfig(null, { ...given, quota: ['nobody=1G'] }),
    (level, text) => logged.push(`${level} ${text}`),
    (why) => expect.fail(String(why)),
  )
  onTestFinished(() => service.close())
  const without = expect.stringMatching(/^warn The quota of nobody has no effect/)
  expect(logged).toContainEqual(without)
  logged.length = 0
  const { receiver: before } = service
  service.reload(() => loadConfig(null, { ...given, port: before.port, name: 'two' }))
  await until('it is reloaded', () => logged.includes('info The configuration was reloaded.'))
  expect(service.receiver).not.toBe(before)
  expect(service.receiver.port).toBe(before.port)
  expect(logged.filter((line) => !line.startsWith('info '))).toEqual([])
})

test('receiver configuration: the name is by default that of the computer', async () => {
  expect((await loadConfig(null, { store: '/store' })).name).toBe(hostname())
})
