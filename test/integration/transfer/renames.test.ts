import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { startRelay } from '../../support/faults/relay.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  createRandom,
  newSeed,
  offerAll,
  readTree,
  receiverConfig,
  SOURCE,
  startPair,
  startTestReceiver,
  startTestSender,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const MIB = 1024 * 1024

/** A pair whose line is counted. */
async function setUp() {
  const pair = await startPair(temporaryDirectory('renames'))
  const relay = await startRelay(pair.at.port)
  const destination = {
    id: 'there',
    kind: 'receiver' as const,
    name: 'receiver',
    host: '127.0.0.1',
    ...pair.at,
    port: relay.port,
  }
  return { ...pair, relay, config: { ...pair.config, destination } }
}

const move = (root: string, from: string, to: string) =>
  fs.renameSync(path.join(root, from), path.join(root, to))

test('renames: a large file, a tree of 1,000 small files and hard links are renamed without sending their content', async () => {
  const { home, sender, config, arrived, relay } = await setUp()
  writeFile(home.source, 'large', randomBytes(50 * MIB))
  for (let index = 0; index < 1_000; index += 1)
    writeFile(home.source, `tree/d${index % 10}/${index}`, randomBytes(8 * 1024))
  fs.chmodSync(path.join(home.source, 'large'), 0o440)
  offerAll(home)
  sender.configure(config)
  await allSent(sender, 1_001, 60_000)
  const before = readTree(home.source)
  const contents = relay.sentBytes()
  expect(contents).toBeGreaterThan(57 * MIB)

  move(home.source, 'large', 'renamed')
  move(home.source, 'tree', 'moved')
  fs.linkSync(path.join(home.source, 'renamed'), path.join(home.source, 'linked'))
  offerAll(home)
  sender.nudge()
  await allSent(sender, 1_002, 60_000)
  const asked = relay.sentBytes() - contents
  console.log(`${contents} bytes for the contents, ${asked} for 1,002 new names`)
  expect(asked).toBeLessThan(MIB)
  // The old names stay: what is deleted at the source is not deleted at the receiver.
  expect(readTree(arrived)).toEqual({ ...before, ...readTree(home.source) })
  const [there, here] = [path.join(arrived, 'renamed'), path.join(home.source, 'renamed')].map((file) =>
    fs.statSync(file, { bigint: true }),
  )
  expect(there?.mtimeNs).toEqual(here?.mtimeNs)
})

test('renames: content that is lost or damaged at the receiver is sent again, and damage is not copied', async () => {
  const { home, store, sender, config, arrived } = await setUp()
  const harm: Record<string, (file: string) => void> = {
    lost: (file) => fs.rmSync(file),
    shorter: (file) => fs.truncateSync(file, 5_000),
    rotted(file) {
      const bytes = fs.readFileSync(file)
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
      fs.writeFileSync(file, bytes)
    },
    linked(file) {
      fs.renameSync(file, path.join(store, 'outside'))
      fs.symlinkSync(path.join(store, 'outside'), file)
    },
    directory(file) {
      fs.rmSync(file)
      fs.mkdirSync(file)
    },
  }
  for (const name of Object.keys(harm)) {
    writeFile(home.source, `small/${name}`, randomBytes(10_000))
    writeFile(home.source, `large/${name}`, randomBytes(MIB + 1))
  }
  offerAll(home)
  sender.configure(config)
  await allSent(sender, 10)
  for (const [name, spoil] of Object.entries(harm))
    for (const size of ['small', 'large']) spoil(path.join(arrived, size, name))
  move(home.source, 'small', 'small again')
  move(home.source, 'large', 'large again')
  offerAll(home)
  sender.nudge()
  await allSent(sender, 20)
  for (const name of ['small again', 'large again'])
    expect(readTree(path.join(arrived, name))).toEqual(readTree(path.join(home.source, name)))
})

test('renames: changed content in the same inode, with the same size and time, is sent', async () => {
  const { home, sender, config, arrived } = await setUp()
  const time = new Date(1_700_000_000_000)
  const write = (name: string, size: number) => {
    const file = path.join(home.source, name)
    const handle = fs.openSync(file, fs.existsSync(file) ? 'r+' : 'w')
    fs.writeSync(handle, randomBytes(size))
    fs.closeSync(handle)
    fs.utimesSync(file, time, time)
  }
  write('small', 10_000)
  write('large', MIB + 1)
  offerAll(home)
  sender.configure(config)
  await allSent(sender, 2)
  for (const [name, size] of [
    ['small', 10_000],
    ['large', MIB + 1],
  ] as const) {
    move(home.source, name, `new ${name}`)
    write(`new ${name}`, size)
  }
  expect(offerAll(home)).toBe(2)
  sender.nudge()
  await allSent(sender, 4)
  const there = readTree(arrived)
  expect({ 'new small': there['new small'], 'new large': there['new large'] }).toEqual(readTree(home.source))
})

test('renames: kill -9 of either end in the middle of a renamed tree loses no file', async () => {
  const random = createRandom(newSeed('renames'))
  const { home, store, arrived, at, config, receiver: first, sender: one, relay } = await setUp()
  let [receiver, sender] = [first, one]
  for (let index = 0; index < 1_000; index += 1)
    writeFile(home.source, `tree0/${index}`, randomBytes(2_000 + Math.floor(random() * 9_000)))
  writeFile(home.source, 'tree0/large', randomBytes(20 * MIB))
  offerAll(home)
  sender.configure(config)
  await allSent(sender, 1_001, 60_000)
  const contents = relay.sentBytes()
  const tree = readTree(path.join(home.source, 'tree0'))
  const durable = () => {
    const directory = path.join(arrived, `tree${round}`)
    return fs.existsSync(directory) ? fs.readdirSync(directory).length : 0
  }
  let round = 1
  for (; round <= 4; round += 1) {
    move(home.source, `tree${round - 1}`, `tree${round}`)
    offerAll(home)
    sender.nudge()
    const goal = 1 + Math.floor(random() * 600)
    await until('some names are new', () => durable() >= goal)
    if (round % 2 === 0) {
      await receiver.kill()
      receiver = startTestReceiver()
      await receiver.configure(receiverConfig(store, [home], at.port))
    } else {
      await sender.kill()
      sender = startTestSender()
      sender.configure(config)
    }
  }
  await until(
    'nothing waits any more',
    () =>
      sender.report()?.connection.state === 'connected' &&
      sender.report()?.totals[SOURCE]?.waitingFiles === 0,
  )
  // A name that was given up before the receiver had heard of it need not be there; the first and the last are.
  for (const name of ['tree0', 'tree4']) expect(readTree(path.join(arrived, name))).toEqual(tree)
  for (const name of ['tree1', 'tree2', 'tree3'])
    expect(tree).toMatchObject(readTree(path.join(arrived, name)))
  expect(relay.sentBytes() - contents).toBeLessThan(contents / 2)
  expect(fs.existsSync(path.join(store, '.holdfast', 'versions'))).toBe(false)
  const temporary = path.join(store, '.holdfast', 'tmp')
  await until('nothing half is left', () => Object.keys(readTree(temporary)).length === 0)
})
