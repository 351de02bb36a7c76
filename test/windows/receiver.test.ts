import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { startHoldfast } from '../support/cli/processes.ts'
import { holdfastSays } from '../support/transfer/receiver-process.ts'
import { readTree } from '../support/trees.ts'
import { until } from '../support/until.ts'
import { places, prepareWindows, writeFiles } from '../support/windows/places.ts'
import { toWindows } from '../support/windows/windows.ts'

const windows = prepareWindows()

test('the main job: a sender sends 200 files to a receiver, which are verified and restored there and here', async () => {
  const { at, make, data } = places()
  const [source, store] = [make('source'), make('store')]
  const { run, start } = windows()
  writeFiles(source, 199)
  writeFileSync(path.join(source, 'large.bin'), Buffer.alloc(9_000_000, 'large'))
  const receiver = start([
    'receive',
    '--store',
    toWindows(store),
    '--host',
    '127.0.0.1',
    '--port',
    '0',
    '--name',
    'archive',
  ])
  await until('the receiver listens', () => receiver.output.err.includes('fingerprint'))
  const { out } = await run('pair', '--store', toWindows(store), '--json')
  const { code } = JSON.parse(out) as { code: string }
  expect(await run('pair', code, '--name', 'bench 7', ...data())).toMatchObject({ code: 0 })

  expect(await run('send', '--once', toWindows(source), ...data())).toMatchObject({ code: 0, err: '' })
  expect(readTree(path.join(store, 'bench 7', 'source'))).toEqual(readTree(source))

  expect(await run('verify', 'archive', ...data())).toMatchObject({ code: 0, err: '' })
  expect(await run('restore', '--from', 'archive', '--to', toWindows(at('back')), ...data())).toMatchObject({
    code: 0,
    err: '',
  })
  expect(readTree(at('back/source'))).toEqual(readTree(source))

  // A receiver that was ended by force goes on with its store.
  await receiver.kill()
  expect(await run('verify', toWindows(store))).toMatchObject({ code: 0, err: '' })
})

test('names of Linux that Windows cannot have come back with "%" and the number of the character', async () => {
  const { at, make, data } = places()
  const [source, store] = [make('source'), make('store')]
  const names = { '12:30.dat': 'colon', 'con.txt': 'device', 'ends.': 'dot', 'plain.dat': 'plain' }
  for (const [name, content] of Object.entries(names)) writeFileSync(path.join(source, name), content)
  const receiver = startHoldfast([
    'receive',
    '--store',
    store,
    '--host',
    '127.0.0.1',
    '--port',
    '0',
    '--name',
    'archive',
  ])
  await until('the receiver listens', () => receiver.err().includes('fingerprint'))
  const pair = async (...more: string[]): Promise<string> =>
    JSON.parse(await holdfastSays('pair', '--store', store, '--json', ...more)).code
  const here = ['--data', at('linux')]
  await holdfastSays('pair', await pair(), '--name', 'bench', ...here)
  await holdfastSays('send', '--once', source, ...here)

  const { run } = windows()
  expect(await run('pair', await pair('--replaces', 'bench'), ...data())).toMatchObject({ code: 0 })
  const restored = await run('restore', '--from', 'archive', '--to', toWindows(at('back')), ...data())
  expect(restored).toMatchObject({ code: 0, err: '' })
  expect(restored.out).toContain('12:30.dat was restored as Z:\\')
  const local = { '12%3A30.dat': 'colon', '%63on.txt': 'device', 'ends%2E': 'dot', 'plain.dat': 'plain' }
  for (const [name, content] of Object.entries(local))
    expect(readFileSync(at(`back/source/${name}`), 'utf8')).toBe(content)
})
