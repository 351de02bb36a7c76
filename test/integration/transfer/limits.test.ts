import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { canMount, mountTmpfs } from '../../support/faults/mounts.ts'
import { openAt, smallFile } from '../../support/store/large-files.ts'
import { hasTotals, listVersions, manifestTotals, startRuled } from '../../support/store/store.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  makeHome,
  offerAll,
  readTree,
  SOURCE,
  senderConfig,
  startTestSender,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const KIB = 1024
const noQuota = { each: { bytes: null, files: null }, of: {} }

test('quota: each sender reports its own limit, also after a restart, and sends the rest once the quota is lifted', async () => {
  const base = temporaryDirectory('quota')
  const store = path.join(base, 'store')
  const homes = [await makeHome(path.join(base, 'one')), await makeHome(path.join(base, 'two'))] as const
  const [home, other] = homes
  const quota = { each: { bytes: 150 * KIB, files: null }, of: { 'sender-2': { files: 3 } } }
  const first = await startRuled(store, homes, { quota })
  for (let index = 0; index < 20; index += 1)
    writeFile(home.source, `f${index}`, Buffer.alloc(10 * KIB, index))
  offerAll(home)
  const sender = startTestSender()
  sender.configure(senderConfig(home, first.receiver))
  const overQuota = (key: string, limit: number, one = sender) =>
    until('the quota is said', () => {
      const problem = one.report()?.connection.problem
      return problem?.key === key && problem.params.limit === limit
    })
  await overQuota('transfer.quotaBytes', 150 * KIB)
  await until(
    'what has room is there',
    () => Object.keys(readTree(path.join(store, 'sender-1/data'))).length === 10,
  )
  await until('it is said', () => sender.report()?.totals[SOURCE]?.sentFiles === 10)
  expect(sender.report()?.totals[SOURCE]).toMatchObject({ sentFiles: 10, waitingFiles: 10, parkedFiles: 0 })

  // The other sender has its own, in files.
  for (let index = 0; index < 5; index += 1) writeFile(other.source, `g${index}`, 'x')
  offerAll(other)
  const second = startTestSender()
  second.configure(senderConfig(other, first.receiver))
  await overQuota('transfer.quotaFiles', 3, second)
  await second.kill()

  // Right after a restart what is stored still counts, and what is stored already needs no room.
  const { port } = first.receiver
  await first.receiver.close()
  fs.rmSync(home.ledgerPath)
  await sender.kill()
  offerAll(home)
  const restarted = await startRuled(store, homes, { quota }, port)
  const again = startTestSender()
  again.configure(senderConfig(home, restarted.receiver))
  await overQuota('transfer.quotaBytes', 150 * KIB, again)
  await until('what is there is recognised', () => again.report()?.totals[SOURCE]?.sentFiles === 10)
  expect(manifestTotals(store)).toMatchObject({ folder: 'sender-1', files: 10, bytes: 100 * KIB })
  expect(readTree(path.join(store, '.holdfast/versions'))).toEqual({})

  await restarted.receiver.close()
  const wider = await startRuled(store, homes, { quota: noQuota }, port)
  again.nudge()
  await allSent(again, 20)
  expect(readTree(path.join(store, 'sender-1/data'))).toEqual(readTree(home.source))
  expect(wider.log.filter((line) => line.startsWith('error'))).toEqual([])
})

test.skipIf(!canMount)(
  'free-space floor (needs root): files are refused before the disk is full, and sent when space is back',
  async () => {
    const base = temporaryDirectory('floor')
    const { point } = await mountTmpfs(onTestFinished, { megabytes: 16 })
    const store = path.join(point, 'store')
    const home = await makeHome(path.join(base, 'home'))
    writeFile(point, 'ballast', Buffer.alloc(8 * KIB * KIB))
    const floor = { bytes: 4 * KIB * KIB, percent: 100 }
    const { receiver } = await startRuled(store, [home], { floor })
    for (let index = 0; index < 80; index += 1)
      writeFile(home.source, `f${index}`, Buffer.alloc(100 * KIB, index))
    offerAll(home)
    const sender = startTestSender()
    sender.configure(senderConfig(home, receiver))
    const problem = () => sender.report()?.connection.problem?.key
    await until('the floor is said', () => problem() === 'transfer.storeFloor')
    const { bavail, bsize } = fs.statfsSync(point)
    // The manifest and its journal need a little of their own.
    expect(bavail * bsize).toBeGreaterThanOrEqual(3.5 * KIB * KIB)
    fs.rmSync(path.join(point, 'ballast'))
    await allSent(sender, 80)
    await until('all is well again', () => sender.report()?.connection.problem === null)
    expect(readTree(path.join(store, 'sender-1/data'))).toEqual(readTree(home.source))
  },
)

const nothing = { daily: 0, weekly: 0, monthly: 0, yearly: 0 }

test('quota: empty files in deep directories use up 1 MiB, and no hung disk is reported meanwhile', async () => {
  const base = temporaryDirectory('names')
  const store = path.join(base, 'store')
  const home = await makeHome(path.join(base, 'home'))
  const MIB = 1024 * KIB
  const { receiver } = await startRuled(store, [home], {
    quota: { each: { bytes: MIB, files: null }, of: {} },
  })
  for (let index = 0; index < 400; index += 1) writeFile(home.source, `${index}/${'d/'.repeat(60)}empty`, '')
  offerAll(home)
  const sender = startTestSender()
  const told = new Set<string>()
  sender.configure(senderConfig(home, receiver))
  await until('the quota is said', () => {
    const key = sender.report()?.connection.problem?.key
    if (key !== undefined) told.add(key)
    return key === 'transfer.quotaBytes'
  })
  expect([...told]).toEqual(['transfer.quotaBytes'])
  const sent = () => sender.report()?.totals[SOURCE]?.sentFiles ?? 0
  await until('the first are told', () => sent() > 0)
  expect(sent()).toBeLessThan(5)
  // A name counts 4 KiB: 256 of them are the quota.
  const names = fs.readdirSync(path.join(store, 'sender-1'), { recursive: true }).length
  expect(names).toBeGreaterThan(60)
  expect(names).toBeLessThanOrEqual(256)
})

test('retention: expired versions are pruned, but the newest content of each file stays', async () => {
  const root = path.join(temporaryDirectory('versions'), 'store')
  const keep = (days: number, daily: number) => ({
    keep: { withinDays: days, ...nothing, daily },
  })
  const { store, source } = await openAt(root, keep(1, 0))
  const put = (name: string, content: string) => store.receive(smallFile(source, name, Buffer.from(content)))
  for (let round = 0; round < 34; round += 1) {
    await put('file', `content ${round}`)
    await put('other', `other ${round}`)
  }
  const names = (file: string) => listVersions(root, `pc/data/${file}`)
  // However many there are: none is older than a day.
  await store.prune()
  expect(names('file')).toHaveLength(33)
  await store.close()

  const strict = await startRuled(root, [], keep(0, 1))
  await until('the last one of the day is kept', () => names('file').length === 1)
  const [kept = ''] = names('file')
  const old = path.join(root, '.holdfast/versions/pc/data/file', kept)
  expect(fs.readFileSync(old, 'utf8')).toBe('content 32')
  await until('the manifest follows', hasTotals(root, 4))
  await strict.receiver.close()

  // Without a file in its place the newest version is the newest content.
  fs.rmSync(path.join(root, 'pc/data/file'))
  const none = await startRuled(root, [], keep(0, 0))
  await until('another one goes', () => names('other').length === 0)
  await until('the manifest follows', hasTotals(root, 3))
  await none.receiver.close()
  expect(names('file')).toEqual([kept])
})
