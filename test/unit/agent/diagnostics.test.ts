import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { strFromU8, unzipSync } from 'fflate'
import { expect, test } from 'vitest'
import { buildDiagnostics } from '../../../core/agent/parts/diagnostics/diagnostics.ts'
import { logLines } from '../../../core/agent/parts/diagnostics/log-lines.ts'
import { createDataDirectory } from '../../../core/settings/data-directory.ts'
import { stateWith } from '../../support/agent/status.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const line = (msg: string, level = 30, time = 1) => `${JSON.stringify({ level, time, msg })}\n`

test('diagnostics file: the archive has versions, settings, status, incidents and logs, but no secret', async () => {
  const layout = createDataDirectory(temporaryDirectory('diagnostics'))
  const { privateKey } = generateKeyPairSync('ed25519')
  const key = String(privateKey.export({ type: 'pkcs8', format: 'pem' }))
  const keyLine = key.split('\n')[1] ?? ''
  const secrets = { chat: { token: 'tok-123456' }, nas: { password: 'p"ass\\word', key } }
  mkdirSync(layout.logs)
  mkdirSync(layout.identity)
  writeFileSync(path.join(layout.identity, 'key.pem'), key)
  writeFileSync(path.join(layout.directory, 'secrets.json'), JSON.stringify(secrets))
  const leaks = [
    'it said tok-123456',
    `it said ${secrets.nas.password}`,
    `it said ${key}`,
    'https://me:hunter22@example.org/',
    'holdfast://nas:7766?code=abcdefgh234567&fingerprint=00&name=nas',
    'AGE-SECRET-KEY-1QQQSYQCYQ5RQWZQFPG9SCRGWPUGPZYSNZS23V9CCRYDPK8QARC0S',
  ]
  writeFileSync(path.join(layout.logs, 'agent.log'), leaks.map((one) => line(one)).join(''))
  writeFileSync(path.join(layout.logs, 'agent.log.1'), line('what was before'))
  writeFileSync(
    path.join(layout.directory, 'settings.json'),
    JSON.stringify({ note: 'tok-123456', version: 1 }),
  )

  const zip = await buildDiagnostics({ layout, state: stateWith(), secrets, version: '9.9.9' })
  const files = Object.fromEntries(
    Object.entries(unzipSync(zip)).map(([name, bytes]) => [name, strFromU8(bytes)]),
  )
  expect(Object.keys(files).sort()).toEqual([
    'about.json',
    'incidents.json',
    'logs/agent.log',
    'logs/agent.log.1',
    'settings.json',
    'status.json',
  ])
  expect(JSON.parse(files['about.json'] ?? '')).toMatchObject({
    holdfast: '9.9.9',
    platform: process.platform,
  })
  expect(JSON.parse(files['settings.json'] ?? '')).toEqual({ note: '[removed]', version: 1 })
  expect(JSON.parse(files['status.json'] ?? '').sources).toHaveLength(1)
  expect(files['logs/agent.log.1']).toContain('what was before')
  expect(files['logs/agent.log']).toContain('fingerprint=00')
  const all = Object.values(files).join('\n')
  for (const secret of ['tok-123456', 'ass\\\\word', keyLine, 'hunter22', 'abcdefgh234567', 'QQQSYQCYQ5'])
    expect(all).not.toContain(secret)
})

test('agent log: the newest 500 lines are read, without an incomplete last line', async () => {
  const directory = temporaryDirectory('log')
  expect(await logLines(directory)).toEqual([])
  const lines = Array.from({ length: 600 }, (_, index) => line(`${index}`, index % 2 === 0 ? 30 : 50, index))
  writeFileSync(path.join(directory, 'agent.log'), `${lines.join('')}{"level":30,"ti`)
  const read = await logLines(directory)
  expect(read).toHaveLength(500)
  expect(read.at(-1)).toEqual({ at: 599, level: 'error', text: '599' })
  expect(read[0]?.text).toBe('100')
})
