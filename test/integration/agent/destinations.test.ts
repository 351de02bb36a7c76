import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  holdfast,
  pairWith,
  type RunningReceiver,
  readState,
  startReceiver,
  untilState,
} from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { readTree } from '../../support/trees.ts'
import { until } from '../../support/until.ts'

const FILES = 40
const MARKS = /finished\.(parse|watch)$/

/** A directory with one batch directory, and what has to arrive of it. */
function makeBatches(root: string, batch = 'DC1', files = FILES) {
  const directory = path.join(root, batch)
  mkdirSync(directory, { recursive: true })
  for (let index = 0; index < files; index += 1)
    writeFileSync(path.join(directory, `file${index}`), Buffer.alloc(1000 + index, String(index)), {
      mode: 0o644,
    })
  writeFileSync(path.join(directory, 'finished.parse'), '')
  return directory
}

const isMarked = (file: string) => (statSync(file).mode & 0o020) !== 0
const received = ({ store }: RunningReceiver, source: string) => path.join(store, 'station', source)
const getPids = (state: Awaited<ReturnType<typeof readState>>) =>
  state.destinations.map(({ worker }) => worker.pid)

describe('two destinations', () => {
  test('a destination that hangs delays neither the other nor the scanner; a batch is marked when both have it', async () => {
    const root = path.join(temporaryDirectory('two'), 'datas')
    const data = temporaryDirectory('two-data')
    mkdirSync(root)
    const [one, two] = [await startReceiver('one'), await startReceiver('two')]
    startHoldfast(['agent', '--data', data, '--batch', root])
    await untilState(data, 'the agent to watch', ({ sources }) => sources[0]?.scanned?.phase === 'watching')
    await pairWith(one, data, 'station')
    expect(await pairWith(two, data, 'station')).toContain('one, two')
    const connected = await untilState(data, 'both to be connected', ({ destinations }) =>
      destinations.every(({ connection }) => connection.state === 'connected'),
    )
    expect(connected.destinations.map(({ name }) => name)).toEqual(['one', 'two'])
    expect(new Set(getPids(connected)).size).toBe(2)

    two.command.child.kill('SIGSTOP')
    onTestFinished(() => void two.command.child.kill('SIGCONT'))
    const batch = makeBatches(root)
    // Everything is at the first one well before anybody can know that the second one hangs.
    await until(
      'the first one to have everything',
      () => Object.keys(readTree(received(one, 'datas'), MARKS)).length === FILES,
    )
    const state = await untilState(
      data,
      'the state to tell it',
      ({ destinations: [first] }) => first?.totals.sentFiles === FILES,
    )
    expect(state.destinations.map(({ totals }) => totals.waitingFiles)).toEqual([0, FILES])
    // "Everything is sent" is said of neither the source nor the whole.
    expect(state.totals).toMatchObject({ sentFiles: 0, waitingFiles: FILES })
    expect(state.status.level).toBe('working')
    // What needs nothing is marked meanwhile: the scanner has had its turn.
    const empty = makeBatches(root, 'DC2', 0)
    await until('an empty batch to be marked', () => existsSync(path.join(empty, 'finished.watch')))
    expect(existsSync(path.join(batch, 'finished.watch'))).toBe(false)
    expect(isMarked(path.join(batch, 'file0'))).toBe(false)

    two.command.child.kill('SIGCONT')
    await until('the batch to be marked', () => existsSync(path.join(batch, 'finished.watch')))
    const sent = readTree(batch, MARKS)
    const unmarked = () => Object.keys(sent).filter((name) => !isMarked(path.join(batch, name)))
    await until('every file to be marked', () => unmarked().length === 0)
    for (const receiver of [one, two])
      expect(readTree(path.join(received(receiver, 'datas'), 'DC1'), MARKS)).toEqual(sent)
    const done = await untilState(data, 'the state to be well', ({ status }) => status.level === 'partial')
    expect(done.totals).toMatchObject({ sentFiles: FILES, waitingFiles: 0 })
    // The second one had each file, and then all of them, before the marks were made.
    const changedAt = (file: string) => statSync(file).ctimeMs
    const storedAt = Object.keys(sent).map((name) =>
      changedAt(path.join(received(two, 'datas'), 'DC1', name)),
    )
    expect(changedAt(path.join(batch, 'finished.watch'))).toBeGreaterThanOrEqual(Math.max(...storedAt))
    const early = Object.keys(sent).filter(
      (name, index) => changedAt(path.join(batch, name)) < (storedAt[index] ?? Number.POSITIVE_INFINITY),
    )
    expect(early).toEqual([])
  })

  test('each destination can be renamed, chosen for a directory and removed; files waiting for it alone are dropped', async () => {
    const base = temporaryDirectory('choose')
    const [photos, datas] = [path.join(base, 'photos'), path.join(base, 'datas')]
    const data = temporaryDirectory('choose-data')
    mkdirSync(photos)
    writeFileSync(path.join(photos, 'early'), 'early')
    const [one, two] = [await startReceiver('nas'), await startReceiver('nas')]
    // The first pairing is made without an agent.
    await pairWith(one, data, 'station')
    startHoldfast(['agent', '--data', data, photos])
    await untilState(data, 'the file to be sent', ({ totals }) => totals.sentFiles === 1)
    await pairWith(two, data, 'station')
    // It comes to the new destination from the ledger; names are made unique.
    await until('the second one to have it', () => existsSync(path.join(received(two, 'photos'), 'early')))
    expect((await readState(data)).destinations.map(({ name }) => name)).toEqual(['nas', 'nas 2'])
    await holdfast(['destinations', 'rename', 'NAS 2', 'cellar', '--data', data])
    expect(await holdfast(['destinations', '--data', data])).toMatch(/^nas \(.*\), connected.*\ncellar \(/)
    const unknown = startHoldfast(['destinations', 'rename', 'attic', 'x', '--data', data])
    expect(await unknown.ended()).toBe(1)
    expect(unknown.err()).toContain('no destination “attic”')

    await holdfast(['destinations', 'choose', photos, 'cellar', '--data', data])
    const chosen = await readState(data)
    expect(chosen.sources[0]?.destinations).toHaveLength(1)
    // The first one pairs and keeps the ledger; the other has a process while it has a source.
    await holdfast(['destinations', 'choose', photos, 'nas', '--data', data])
    await untilState(data, 'the process to end', ({ destinations }) => destinations[1]?.worker.pid === null)
    const bound = startHoldfast(['destinations', 'remove', 'nas', '--data', data])
    expect(await bound.ended()).toBe(1)
    expect(bound.err()).toContain('These go only to nas: photos.')
    await holdfast(['destinations', 'choose', photos, '--all', '--data', data])

    await untilState(data, 'both again', ({ destinations }) =>
      destinations.every(({ connection }) => connection.state === 'connected'),
    )
    two.command.child.kill('SIGKILL')
    const batch = makeBatches(datas)
    await holdfast(['agent', '--data', data, '--batch', datas])
    const away = await untilState(
      data,
      'it to be told that one is away',
      ({ status }) => status.sentence.key === 'status.unreachable',
      60_000,
    )
    expect(away.status.sentence.params).toMatchObject({ name: 'cellar' })
    expect(away.status.more?.map(({ key }) => key)).toEqual(['status.othersGoOn'])
    expect(away.destinations.find(({ name }) => name === 'cellar')?.totals.waitingFiles).toBe(FILES)
    expect(away.destinations[0]?.connection.state).toBe('connected')
    expect(existsSync(path.join(batch, 'finished.watch'))).toBe(false)

    const said = await holdfast(['destinations', 'remove', 'cellar', '--data', data])
    const kept = 'Files there and here stay as they are.'
    expect(said).toBe(`Holdfast no longer sends to cellar. ${kept}\n`)
    await until('the batch to be marked', () => existsSync(path.join(batch, 'finished.watch')))
    await until('the files to be marked', () => isMarked(path.join(batch, 'file0')))
    const left = await untilState(data, 'all to be well', ({ status }) => status.level === 'partial')
    expect(left.destinations.map(({ name }) => name)).toEqual(['nas'])
    expect(left.totals).toMatchObject({ sentFiles: FILES + 1, waitingFiles: 0 })
    expect(readTree(path.join(received(one, 'datas'), 'DC1'), MARKS)).toEqual(readTree(batch, MARKS))
  })
})

test('destinations: a restart sends no file again, and removing the only destination returns to this computer', async () => {
  const source = path.join(temporaryDirectory('former'), 'photos')
  const data = temporaryDirectory('former-data')
  mkdirSync(source)
  for (const name of ['a', 'b', 'c']) writeFileSync(path.join(source, name), name.repeat(5_000))
  const receiver = await startReceiver('nas')
  await pairWith(receiver, data, 'station')
  const agent = startHoldfast(['agent', '--data', data, source])
  await untilState(data, 'all to be sent', ({ totals }) => totals.sentFiles === 3)
  agent.child.kill('SIGTERM')
  await agent.ended()

  const ledger = new DatabaseSync(path.join(data, 'ledger.db'))
  const readRows = () => ledger.prepare('SELECT id, generation, state, sent_at FROM file ORDER BY id').all()
  const before = readRows()
  const inodes = ['a', 'b', 'c'].map((name) => statSync(path.join(received(receiver, 'photos'), name)).ino)

  startHoldfast(['agent', '--data', data])
  const state = await untilState(
    data,
    'it to be well',
    ({ status, totals }) => status.level === 'partial' && totals.sentFiles === 3,
  )
  expect(state.notices).toEqual([])
  expect(state.totals).toMatchObject({ sentFiles: 3, waitingFiles: 0 })
  expect(readRows()).toEqual(before)
  ledger.close()
  expect(inodes).toEqual(
    ['a', 'b', 'c'].map((name) => statSync(path.join(received(receiver, 'photos'), name)).ino),
  )

  // Without any destination it is this computer again, with all that the ledger knows.
  const unnamed = startHoldfast(['destinations', 'remove', '--data', data])
  expect(await unnamed.ended()).toBe(2)
  expect((await readState(data)).destinations.map(({ name }) => name)).toEqual(['nas'])
  const said = await holdfast(['destinations', 'remove', 'nas', '--data', data])
  expect(said).toContain('only destination')
  writeFileSync(path.join(source, 'd'), 'd')
  const here = await untilState(data, 'all to be here', ({ totals }) => totals.sentFiles === 4)
  expect(here.destinations.map(({ kind }) => kind)).toEqual(['embedded'])
  const copies = Object.values(readTree(path.join(data, 'store'))).sort()
  expect(copies).toEqual(Object.values(readTree(source)).sort())
})

test('`send --once`: it sends to all destinations, or to those that are named', async () => {
  const source = path.join(temporaryDirectory('once'), 'photos')
  const data = temporaryDirectory('once-data')
  mkdirSync(source)
  writeFileSync(path.join(source, 'a'), 'a'.repeat(5_000))
  const [one, two] = [await startReceiver('one'), await startReceiver('two')]
  for (const receiver of [one, two]) await pairWith(receiver, data, 'station')
  const unknown = startHoldfast(['send', '--once', '--to', 'three', '--data', data, source])
  expect(await unknown.ended()).toBe(2)
  expect(unknown.err()).toContain('no destination “three”')
  await holdfast(['send', '--once', '--to', 'two', '--data', data, source])
  expect(existsSync(received(one, 'photos'))).toBe(false)
  expect(readTree(received(two, 'photos'))).toEqual(readTree(source))
  expect(await holdfast(['send', '--once', '--data', data, source])).toContain('1 file')
  expect(readTree(received(one, 'photos'))).toEqual(readTree(source))
})

test('pairing: pairing again with a receiver that had revoked this computer reconnects before the next attempt is due', async () => {
  const [root, data] = [temporaryDirectory('again'), temporaryDirectory('again-data')]
  const cellar = await startReceiver('cellar')
  startHoldfast(['agent', '--data', data, root])
  await untilState(data, 'the agent to watch', ({ sources }) => sources[0]?.scanned?.phase === 'watching')
  await pairWith(cellar, data, 'station')
  const is = (wanted: string, forMs = 0, withinMs = 120_000) =>
    untilState(
      data,
      `to be ${wanted}`,
      ({ destinations: [one] }) =>
        one?.connection.state === wanted && Date.now() - one.connection.since >= forMs,
      withinMs,
    )
  await is('connected')
  await holdfast(['stations', 'revoke', 'station', '--store', cellar.store])
  // By then its attempts are 25 seconds apart at least.
  await is('refused', 33_000)
  await pairWith(cellar, data, 'station')
  // Ten times a quiet run, and sooner than the next attempt.
  await is('connected', 0, 12_000)
})
