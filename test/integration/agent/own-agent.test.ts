import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { formatPairingCode } from '../../../core/protocol/pairing-code.ts'
import { type Settings, settingsSchema } from '../../../core/settings/schema.ts'
import { openSecrets, saveSettings } from '../../../core/settings/secrets.ts'
import { openSettings } from '../../../core/settings/settings-store.ts'
import { holdfast } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { canMount, mountTmpfs } from '../../support/faults/mounts.ts'
import { recordingServer } from '../../support/servers/recording-server.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

/** Starts a receiver that never answers: a pairing with it waits. Returns a code, and whether it was asked. */
async function startSilentReceiver() {
  let asked = 0
  const server = createServer((socket) => {
    asked += 1
    socket.on('error', () => undefined)
    onTestFinished(() => void socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const code = { host: '127.0.0.1', port, code: 'x', fingerprint: 'a'.repeat(64), name: 'nas' }
  return { code: formatPairingCode(code), isAsked: () => asked > 0 }
}

/** A data directory with a source and a heartbeat to a server. */
async function dataWithHeartbeat() {
  const heartbeat = await recordingServer()
  const data = temporaryDirectory('own-agent')
  const source = path.join(temporaryDirectory('own-agent-source'), 'datas')
  mkdirSync(source)
  const ping = { id: 'ping', name: 'Ping', type: 'ping', enabled: true, options: { every: '1' } }
  const update = (before: Settings) =>
    settingsSchema.parse({
      ...before,
      sources: [{ id: 's', path: source, name: 'datas' }],
      alerts: { ...before.alerts, channels: [ping] },
    })
  const values = { url: heartbeat.origin }
  saveSettings(openSettings(data), openSecrets(data, null), update, { id: 'ping', values })
  return { data, heartbeat }
}

async function refused(...words: string[]): Promise<{ code: number | string; said: string }> {
  const command = startHoldfast(words)
  const code = await command.ended()
  return { code, said: command.err() }
}

test('change without a running agent: it stays alone, only reads go on, and a killed one leaves nothing', async () => {
  const { data, heartbeat } = await dataWithHeartbeat()
  const receiver = await startSilentReceiver()
  const settings = readFileSync(path.join(data, 'settings.json'), 'utf8')
  const about = ['--data', data]
  const pair = startHoldfast(['pair', receiver.code, ...about])
  await until('the receiver to be asked', () => receiver.isAsked() || pair.child.exitCode !== null)

  const all = [refused('settings', 'limit', '10M', ...about), refused('agent', ...about)]
  expect(await holdfast(['settings', 'limit', ...about])).toBe('none\n')
  const busy = { code: 1, said: expect.stringContaining('Another command') }
  expect(await Promise.all(all)).toEqual([busy, { code: 1, said: expect.any(String) }])
  expect(pair.child.exitCode).toBeNull()
  pair.child.kill('SIGKILL')
  expect(await pair.ended()).toBe('SIGKILL')
  expect(readFileSync(path.join(data, 'settings.json'), 'utf8')).toBe(settings)
  // It was an agent with these settings, and yet none that watches, sends, or gives a sign of life.
  expect(heartbeat.requests).toEqual([])
  expect(readdirSync(data).sort()).toEqual(['identity', 'secrets.json', 'settings.json'])

  expect(await holdfast(['settings', 'limit', '10M', ...about])).toBe('10M/s\n')
  expect(await holdfast(['changes', ...about])).toContain('send.bytesPerSecond: null -> 10485760')
})

test('folders without a running agent: added, checked and moved with the record of each change', async () => {
  const { data } = await dataWithHeartbeat()
  const about = ['--data', data]
  const [added, checked, moved] = ['added', 'checked', 'moved'].map((name) => temporaryDirectory(name))
  await holdfast(['folders', 'add', added ?? '', ...about])
  await holdfast(['folders', 'check', checked ?? '', ...about])
  await holdfast(['folders', 'move', 'datas', moved ?? '', ...about])
  const { sources, checkedPaths } = openSettings(data).get()
  expect(sources.map((one) => one.path)).toEqual([moved, added])
  expect(checkedPaths.map((one) => one.path)).toEqual([checked])
  const changes = await holdfast(['changes', ...about])
  for (const folder of [added, checked, moved]) expect(changes).toContain(folder)
})

test('changes at the same time: each waits for its turn, is made and recorded', async () => {
  const data = temporaryDirectory('own-agents')
  const about = ['--data', data]
  const all = ['1M', '2M', '3M', '4M'].map((rate) => startHoldfast(['settings', 'limit', rate, ...about]))
  const codes = await Promise.all(all.map((one) => one.ended()))
  expect(codes, all.map((one) => one.err()).join('')).toEqual([0, 0, 0, 0])
  const changes = (await holdfast(['changes', '--json', ...about])).trim().split('\n')
  expect(changes).toHaveLength(all.length)
  expect(all.map((one) => one.out())).toContain(await holdfast(['settings', 'limit', ...about]))
})

test.skipIf(!canMount)('change on a full disk: refused with the reason, and the settings stay', async () => {
  const disk = await mountTmpfs(onTestFinished, { megabytes: 1 })
  const about = ['--data', disk.point]
  await holdfast(['settings', 'limit', '1M', ...about])
  await expect(writeFile(path.join(disk.point, 'filler'), Buffer.alloc(2 ** 21))).rejects.toThrow('ENOSPC')
  const full = await refused('settings', 'limit', '2M', ...about)
  expect(full).toEqual({ code: 1, said: expect.stringContaining('settings.json cannot be written') })
  expect(await holdfast(['settings', 'limit', ...about])).toBe('1M/s\n')
})
