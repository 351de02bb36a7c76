import { hostname } from 'node:os'
import { expect, test } from 'vitest'
import { loadConfig } from '../../../core/receive/service/config.ts'

test('receiver configuration: the name is by default that of the computer', async () => {
  expect((await loadConfig(null, { store: '/store' })).name).toBe(hostname())
})
