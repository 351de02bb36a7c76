import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { sourceSchema } from '../../../core/settings/schema.ts'
import { openSettings } from '../../../core/settings/settings-store.ts'
import {
  holdfast,
  pairWith,
  readState,
  startReceiver,
  untilState,
} from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

/** A data directory with a source and a limit, and a run that waits for a receiver which is away. */
async function whileSendingOnce() {
  const data = temporaryDirectory('once-data')
  const source = temporaryDirectory('once-source')
  const known = temporaryDirectory('known')
  const receiver = await startReceiver('nas')
  await pairWith(receiver, data, 'pc')
  receiver.command.child.kill('SIGTERM')
  await receiver.command.ended()
  const settings = openSettings(data)
  const sources = [sourceSchema.parse({ id: 'known', path: known, name: 'known' })]
  settings.set({ ...settings.get(), sources, send: { ...settings.get().send, bytesPerSecond: 5000 * 1024 } })
  writeFileSync(path.join(source, 'file'), 'file')
  const once = startHoldfast(['send', '--once', '--data', data, source])
  await untilState(data, 'the file to wait', ({ totals }) => totals.waitingFiles === 1)
  return { data, known, once }
}

test("`send --once`: a running one refuses changes of settings, and commands show the person's settings, not its own", async () => {
  const { data, known, once } = await whileSendingOnce()
  const about = ['--data', data]
  const before = readFileSync(path.join(data, 'settings.json'), 'utf8')

  expect(await holdfast(['folders', ...about])).toContain(known)
  expect(await holdfast(['settings', 'limit', ...about])).toBe('5000K/s\n')
  expect(await holdfast(['destinations', ...about])).toContain('nas')
  expect(await holdfast(['failures', ...about])).toContain('No failure')

  const other = await startReceiver('other')
  const [code] = await startHoldfast(['pair', '--store', other.store]).says(/holdfast:\/\/\S+/)
  const refused = [
    ['settings', 'limit', '10M'],
    ['folders', 'pause'],
    ['folders', 'change', known, '--priority', 'low'],
    ['folders', 'check', temporaryDirectory('checked')],
    ['agent', temporaryDirectory('more')],
    ['agent'],
    ['pair', code],
  ]
  for (const words of refused) {
    const command = startHoldfast([...words, ...about])
    expect(await command.ended(), words.join(' ')).toBe(1)
    expect(command.err(), words.join(' ')).toContain('sending once')
  }
  expect(readFileSync(path.join(data, 'settings.json'), 'utf8')).toBe(before)
  expect((await readState(data)).host).toBe('once')
  once.child.kill('SIGTERM')
  await once.ended()
  // The one-time code was not used up.
  expect(await holdfast(['pair', code, ...about])).toContain('other')
})

test('`send --once`: known mounts in memory.json stay unchanged', async () => {
  const data = temporaryDirectory('once-data')
  const kept = temporaryDirectory('kept')
  const agent = startHoldfast(['agent', '--data', data, kept])
  const memory = path.join(data, 'memory.json')
  const remembered = () => (existsSync(memory) ? readFileSync(memory, 'utf8') : '')
  await untilState(data, 'the disk to be known', () => remembered().includes('mount'))
  await untilState(data, 'its check', ({ sources }) => sources[0]?.checked?.overall.kind === 'ok')
  agent.child.kill('SIGTERM')
  await agent.ended()
  const before = remembered()
  expect(Object.keys(JSON.parse(before).knownMounts)).toHaveLength(1)
  const source = temporaryDirectory('once-source')
  writeFileSync(path.join(source, 'file'), 'file')
  await holdfast(['send', '--once', '--data', data, source])
  expect(remembered()).toBe(before)
})
