// A place at a receiver has one origin: one sender, and one of its sources.
import { cpSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { pairWith } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { readTree, writeFile } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

async function setUp() {
  const base = temporaryDirectory('origin')
  const store = path.join(base, 'store')
  const words = ['receive', '--store', store, '--host', '127.0.0.1', '--port', '0', '--name', 'nas']
  const command = startHoldfast(words)
  await until('it listens', () => command.err().includes('The fingerprint of this receiver'))
  const data = path.join(base, 'data')
  mkdirSync(data)
  const pair = (sender: string, ...more: string[]) => pairWith({ store }, data, sender, ...more)
  await pair('pc')
  const source = (name: string, file: string, content: string) => {
    writeFile(path.join(base, name), file, content)
    return path.join(base, name)
  }
  const once = async (directory: string, from = data) => {
    const run = startHoldfast(['send', '--once', '--data', from, directory])
    return { code: await run.ended(), said: run.err() }
  }
  const stored = (name: string) => readFileSync(path.join(store, 'pc', name), 'utf8')
  return { base, store, data, command, pair, source, once, stored }
}

test('source folders: two directories with the same name are stored in a folder each', async () => {
  const { store, source, once, stored } = await setUp()
  for (let round = 0; round < 3; round += 1)
    for (const name of ['p1', 'p2']) {
      const directory = source(`${name}/data`, 'file', `${round} of ${name}`)
      expect(await once(directory)).toMatchObject({ code: 0 })
    }
  expect(stored('data/file')).toBe('2 of p1')
  expect(stored('data-2/file')).toBe('2 of p2')
  expect(Object.keys(readTree(path.join(store, '.holdfast/versions/pc/data')))).toHaveLength(2)
})

test('sender identity: a clone of a connected sender is refused, and both report it', async () => {
  const { base, data, source, stored } = await setUp()
  const directory = source('one/data', 'file', 'the first')
  const agent = startHoldfast(['agent', '--data', data, directory])
  await until('it is sent', () => stored('data/file') === 'the first')
  const clone = path.join(base, 'clone')
  cpSync(data, clone, { recursive: true, filter: (name) => !name.endsWith('.sock') })
  const refused = startHoldfast(['send', '--once', '--data', clone, source('two/data', 'file', 'the second')])
  expect(await refused.ended(90_000)).toBe(1)
  expect(refused.err()).toMatch(/another computer that has this computer's identity/)
  expect(stored('data/file')).toBe('the first')
  const status = async () => {
    const asked = startHoldfast(['status', '--data', data])
    await asked.ended()
    return asked.out() + asked.err()
  }
  expect(`${await status()}${agent.out()}${agent.err()}`).toMatch(/A computer at .* in this computer's name/)
})

test('pairing with --replaces: a sender gets its folder back and stores no file again', async () => {
  const { store, data, pair, source, once } = await setUp()
  const directory = source('one/data', 'file', 'x'.repeat(100_000))
  expect(await once(directory)).toMatchObject({ code: 0 })
  const place = path.join(store, 'pc/data/file')
  const before = statSync(place, { bigint: true }).ino
  rmSync(data, { recursive: true })
  mkdirSync(data)
  await pair('another', '--replaces', 'pc')
  expect(await once(directory)).toMatchObject({ code: 0 })
  expect(statSync(place, { bigint: true }).ino).toBe(before)
  expect(Object.keys(readTree(store)).filter((name) => name.endsWith('/file'))).toEqual(['pc/data/file'])
})

test('pairing with --replaces: the connected old sender is refused, and the new one is accepted', async () => {
  const { base, store, data, source, once, stored } = await setUp()
  const agent = startHoldfast(['agent', '--data', data, source('one/data', 'file', 'the first')])
  await until('it is sent', () => stored('data/file') === 'the first')
  const heir = path.join(base, 'heir')
  mkdirSync(heir)
  await pairWith({ store }, heir, 'another', '--replaces', 'pc')
  const done = await once(source('two/data', 'other', 'the second'), heir)
  expect(done).toMatchObject({ code: 0 })
  await until('the first is told', () =>
    /does not know this computer|no longer accepts this computer/.test(agent.out() + agent.err()),
  )
})
