import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { canMount, mountHung } from '../../support/faults/mounts.ts'
import { hasTotals, runStoreCommand, runVerify } from '../../support/store/store.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  countBelow,
  createRandom,
  newSeed,
  offerAll,
  SOURCE,
  startListening,
  startPair,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

async function sendTree(count: number, size = 200) {
  const base = temporaryDirectory('verify')
  const pair = await startPair(base)
  for (let index = 0; index < count; index += 1)
    writeFile(pair.home.source, `d${index % 7}/file-${index}`, Buffer.alloc(size + index, index))
  offerAll(pair.home)
  pair.sender.configure(pair.config)
  await allSent(pair.sender, count)
  return { base, ...pair }
}

test('`holdfast verify`: a flipped byte, a missing and an unknown file are found, and resent files are intact', async () => {
  const { store, arrived, sender, home, receiver, config } = await sendTree(60)
  await until('the manifest has them', hasTotals(store, 60))
  expect(await runVerify(store)).toMatchObject({
    code: 0,
    found: [],
    summary: { files: 60, damaged: 0, missing: 0 },
  })

  await receiver.kill()
  const rotten = path.join(arrived, 'd1/file-8')
  const { atime, mtime } = fs.statSync(rotten)
  const bytes = fs.readFileSync(rotten)
  bytes[5] = (bytes[5] ?? 0) ^ 1
  fs.writeFileSync(rotten, bytes)
  fs.utimesSync(rotten, atime, mtime)
  fs.writeFileSync(path.join(arrived, 'd2/file-9'), 'rewritten')
  fs.rmSync(path.join(arrived, 'd3/file-10'))
  fs.writeFileSync(path.join(arrived, 'd4/stranger\n'), 'x')
  fs.symlinkSync('/etc/passwd', path.join(arrived, 'd4/link'))
  const notUtf8 = Buffer.concat([Buffer.from(`${arrived}/d4/bad`), Buffer.of(0xff)])
  fs.writeFileSync(notUtf8, 'x')
  const found = [
    'changed sender-1/data/d2/file-9',
    'damaged sender-1/data/d1/file-8',
    'missing sender-1/data/d3/file-10',
    'strange sender-1/data/d4/bad\uFFFD',
    'strange sender-1/data/d4/link',
    'unknown sender-1/data/d4/stranger\n',
  ]
  expect(await runVerify(store)).toMatchObject({ code: 1, found })

  // Files that are sent again are intact again.
  for (const name of ['d1/file-8', 'd2/file-9', 'd3/file-10'])
    fs.utimesSync(path.join(home.source, name), 1_700_000_000, 1_700_000_000)
  fs.rmSync(path.join(arrived, 'd4/link'))
  fs.rmSync(notUtf8)
  expect(offerAll(home)).toBe(3)
  sender.nudge()
  await until('they wait', () => sender.report()?.totals[SOURCE]?.waitingFiles === 3)
  const { receiver: again } = await startListening(store, [home], config.destination?.port)
  await allSent(sender, 60)
  await again.kill()
  // The stored content has replaced what had rotted or was rewritten.
  expect((await runVerify(store)).found).toEqual(['unknown sender-1/data/d4/stranger\n'])
})

test('`holdfast verify`: many findings wait together for the manifest of a receiver that is storing files', async () => {
  const { store, arrived, sender, home } = await sendTree(60)
  await until('the manifest has them', hasTotals(store, 60))
  const lost = Array.from({ length: 8 }, (_, index) => `d${index % 7}/file-${index}`)
  for (const name of lost) fs.rmSync(path.join(arrived, name))
  for (let index = 0; index < 5; index += 1) fs.writeFileSync(path.join(arrived, `d1/mine-${index}`), 'x')
  let isOver = false
  let count = 0
  const verifying = runVerify(store).finally(() => {
    isOver = true
  })
  await until('it is through', () => {
    count += 1
    writeFile(home.source, `stream/${count}`, `content ${count}`)
    offerAll(home)
    sender.nudge()
    return isOver
  })
  const { found, code } = await verifying
  const mine = [0, 1, 2, 3, 4].map((index) => `unknown sender-1/data/d1/mine-${index}`)
  expect(found).toEqual([...lost.map((name) => `missing sender-1/data/${name}`).sort(), ...mine])
  expect(code).toBe(1)
})

test('`holdfast verify`: a wait for a running receiver is not reported as a hung disk', async () => {
  const { store, arrived } = await sendTree(3)
  await until('the manifest has them', hasTotals(store, 3))
  fs.writeFileSync(path.join(arrived, 'mine'), 'x')
  expect(await runVerify(store, '--patience', '2s')).toMatchObject({
    code: 1,
    found: ['unknown sender-1/data/mine'],
    err: '',
  })
})

test('`holdfast verify --forget-missing`: removed files are forgotten, and those still at the source are sent again', async () => {
  const { store, arrived, home } = await sendTree(10)
  for (const root of [home.source, arrived]) fs.rmSync(path.join(root, 'd3/file-3'))
  expect(await runVerify(store)).toMatchObject({ code: 1, found: ['missing sender-1/data/d3/file-3'] })
  const forgetting = await runVerify(store, '--forget-missing')
  expect(forgetting).toMatchObject({ code: 0, summary: { missing: 1, forgotten: 1 } })
  expect(await runVerify(store)).toMatchObject({ code: 0, found: [], summary: { files: 9 } })

  // Files that are still at the source are sent again: the sender lists them as sent.
  fs.rmSync(path.join(arrived, 'd4/file-4'))
  expect(await runVerify(store, '--forget-missing')).toMatchObject({ code: 0 })
  await until('it is back', () => fs.existsSync(path.join(arrived, 'd4/file-4')))
  expect(await runVerify(store)).toMatchObject({ code: 0, found: [], summary: { files: 9 } })
})

test('`holdfast verify --adopt`: a lost manifest is reported and rebuilt, and a missing store is refused', async () => {
  const { base, store, receiver } = await sendTree(20)
  await receiver.kill()
  for (const ending of ['', '-wal', '-shm'])
    fs.rmSync(path.join(store, `.holdfast/manifest.db${ending}`), { force: true })
  const lost = await runVerify(store)
  expect([lost.code, lost.found]).toEqual([2, []])
  expect(lost.err).toContain('holdfast verify --adopt')
  // Only that makes them known, and nothing else is made well by it.
  expect((await runVerify(store, '--adopt')).code).toBe(0)
  expect((await runVerify(store)).code).toBe(0)

  fs.writeFileSync(path.join(store, '.holdfast/manifest.db'), 'no database at all'.repeat(100))
  for (const ending of ['-wal', '-shm'])
    fs.rmSync(path.join(store, `.holdfast/manifest.db${ending}`), { force: true })
  expect((await runVerify(store, '--adopt')).err).toContain('was kept as')

  const { store: empty, receiver: unused } = await startPair(path.join(base, 'empty'))
  const isReady = async () => (await runStoreCommand('verify', empty)).lines[0]?.type === 'summary'
  await until('the manifest of the empty store', isReady)
  await unused.kill()
  const nothing = await runStoreCommand('verify', empty)
  expect([nothing.code, nothing.lines]).toMatchObject([
    2,
    [{ type: 'summary', sentence: { key: 'store.nothing' } }],
  ])

  const none = await runStoreCommand('verify', path.join(base, 'nothing'))
  expect([none.code, none.err]).toEqual([2, expect.stringContaining('There is no store')])
  const mistyped = await runStoreCommand('verify', 'nsa', '--data', path.join(base, 'nothing'))
  expect([mistyped.code, mistyped.err]).toEqual([2, expect.stringContaining('neither a folder nor')])
  // Files and directories of such names are here, and no stores.
  for (const name of ['LICENSE', 'docs']) {
    const { err } = await runStoreCommand('verify', name, '--data', path.join(base, 'nothing'))
    expect(err).toContain('neither a folder nor')
  }
})

test('manifest: all files are recorded after the receiver is killed during a transfer', async () => {
  const random = createRandom(newSeed('manifest crash'))
  const base = temporaryDirectory('verify')
  const { home, store, arrived, receiver, sender, config } = await startPair(base)
  const count = 1_500
  for (let index = 0; index < count; index += 1)
    writeFile(home.source, `d${index % 9}/f${index}`, `one ${index}`)
  offerAll(home)
  sender.configure(config)
  let running = receiver
  for (let round = 0; round < 3; round += 1) {
    const goal = 1 + Math.floor(random() * 400)
    const isOver = () => sender.report()?.totals[SOURCE]?.sentFiles === count
    const before = countBelow(arrived)
    await until('some are received', () => countBelow(arrived) >= before + goal || isOver())
    await running.kill()
    running = (await startListening(store, [home], config.destination?.port)).receiver
  }
  await allSent(sender, count)
  await running.kill()
  expect(await runVerify(store)).toMatchObject({ code: 0, found: [], summary: { files: count } })
})

test.skipIf(!canMount)('store commands: a hung disk (needs root) is reported and ends them', async () => {
  const { point } = await mountHung(onTestFinished)
  for (const words of [['verify'], ['restore', '--list']]) {
    const { code, err } = await runStoreCommand(...words, path.join(point, 'store'), '--patience', '3')
    expect([code, err]).toEqual([2, expect.stringContaining('has not answered for 3 s')])
  }
})
