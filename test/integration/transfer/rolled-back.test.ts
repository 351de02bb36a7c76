// A store, or a sender, that is put back to an earlier state, as from a backup or the snapshot of a virtual machine.
import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { pairWith, untilState } from '../../support/agent/two-receivers.ts'
import { type RunningCommand, startHoldfast } from '../../support/cli/processes.ts'
import { canMount, mountExt4 } from '../../support/faults/mounts.ts'
import { listVersions, runVerify } from '../../support/store/store.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  makeHome,
  offerAll,
  readTree,
  senderConfig,
  startListening,
  startPair,
  startTestSender,
  type TestSender,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

/** A receiver, and an agent that watches a directory and is paired with it. */
async function setUp() {
  const disk = temporaryDirectory('rolled-sender')
  const store = path.join(temporaryDirectory('rolled-store'), 'store')
  const [data, source] = [path.join(disk, 'data'), path.join(disk, 'source')]
  for (const directory of [data, source]) mkdirSync(directory)
  const receive = async (port: string) => {
    const words = ['receive', '--store', store, '--host', '127.0.0.1', '--port', port, '--name', 'nas']
    const command = startHoldfast(words)
    const listens = () => command.err().includes('The fingerprint of this receiver')
    await until(`it listens; it said: ${command.err()}`, listens)
    return command
  }
  const command = await receive('0')
  const [, port = ''] = await command.says(/holdfast:\/\/[^:/]+:(\d+)/)
  await pairWith({ name: 'nas', store, command }, data, 'pc')
  startHoldfast(['agent', '--data', data, source])
  const running = { receiver: command }
  const arrived = path.join(store, 'pc', 'source')
  const write = (...names: string[]) => {
    for (const name of names) writeFile(source, name, `content of ${name}`)
  }
  /** The sender says that all is sent, and it is there. */
  const allThere = async () => {
    await untilState(data, 'all to be sent', ({ totals, sources }) => {
      const isWatched = sources[0]?.scanned?.phase === 'watching'
      return (
        isWatched && totals.waitingFiles === 0 && totals.sentFiles === Object.keys(readTree(source)).length
      )
    })
    expect(readTree(arrived)).toEqual(readTree(source))
  }
  const receiveAgain = async () => {
    running.receiver = await receive(port)
  }
  return { source, store, arrived, running, write, receiveAgain, allThere }
}

async function end({ child, ended }: RunningCommand) {
  child.kill('SIGTERM')
  await ended()
}

const OLDER = 'sender-1/data/d0/file-0'
const VERSIONS = `.holdfast/versions/${OLDER}`

const names = (first: number) =>
  Array.from({ length: 5 }, (_, index) => `d${index % 2}/file-${first + index}`)

/** With times and modes, as a backup has them. */
function copyAside(directory: string): string {
  const aside = path.join(temporaryDirectory('rolled-aside'), 'copy')
  cpSync(directory, aside, { recursive: true, preserveTimestamps: true })
  return aside
}

function putBack(aside: string, directory: string) {
  rmSync(directory, { recursive: true })
  cpSync(aside, directory, { recursive: true, preserveTimestamps: true })
}

test('rolled-back store: files stored since the backup are sent again, and the store verifies without findings', async () => {
  const { store, arrived, source, running, write, allThere, receiveAgain } = await setUp()
  write(...names(0))
  await allThere()
  await end(running.receiver)
  const aside = copyAside(store)
  await receiveAgain()
  write(...names(5))
  await allThere()
  await end(running.receiver)
  putBack(aside, store)
  expect(Object.keys(readTree(arrived))).toHaveLength(5)

  await receiveAgain()
  await until(
    'all ten are there',
    () => JSON.stringify(readTree(arrived)) === JSON.stringify(readTree(source)),
  ).catch(() => expect(readTree(arrived)).toEqual(readTree(source)))
  await allThere()
  await end(running.receiver)
  expect(await runVerify(store)).toMatchObject({ code: 0, found: [], summary: { files: 10 } })
})

test('`holdfast verify`: a flipped bit in a stored file is found, and its sender sends the file again', async () => {
  const { home, store, arrived, sender, config } = await startPair(temporaryDirectory('rotten'))
  for (const name of names(0)) writeFile(home.source, name, `content of ${name}`)
  offerAll(home)
  sender.configure(config)
  await allSent(sender, 5)
  const rotten = path.join(arrived, 'd1/file-3')
  const good = readFileSync(rotten)
  const { atime, mtime } = statSync(rotten)
  const bad = Buffer.from(good)
  bad[3] = (bad[3] ?? 0) ^ 1
  writeFile(arrived, 'd1/file-3', bad)
  utimesSync(rotten, atime, mtime)
  expect(await runVerify(store)).toMatchObject({ code: 1, found: ['damaged sender-1/data/d1/file-3'] })
  await until('it is as it was', () => readFileSync(rotten).equals(good))
  expect(await runVerify(store)).toMatchObject({ code: 0, found: [], summary: { files: 5 } })
})

describe('rolled-back sender', () => {
  /** A sender with what it needs in one directory, its source elsewhere if need be, that has sent five files. */
  async function sendFive(directory: string, source = path.join(directory, 'source')) {
    const store = path.join(temporaryDirectory('rolled-store'), 'store')
    const arrived = path.join(store, 'sender-1/data')
    const home = { ...(await makeHome(directory)), source }
    for (const name of names(0)) writeFile(source, name, `content of ${name}`)
    const { receiver, at } = await startListening(store, [home])
    const start = () => {
      const sender = startTestSender()
      sender.configure(senderConfig(home, at))
      return sender
    }
    const sender = start()
    offerAll(home)
    sender.nudge()
    await allSent(sender, 5)
    const readText = (name: string) => readFileSync(path.join(arrived, name), 'utf8')
    const sendNewer = async (by: TestSender) => {
      writeFile(source, 'd0/file-0', 'newer')
      writeFile(source, 'new', 'new')
      offerAll(home)
      by.nudge()
      await until('the newer one is there', () => readText('d0/file-0') === 'newer')
      await allSent(by, 6)
    }
    const olderTexts = () =>
      listVersions(store, OLDER).map((name) => readText(path.join('../..', VERSIONS, name)))
    return { home, store, arrived, receiver, sender, start, readText, sendNewer, olderTexts }
  }

  test('an older data directory does not replace newer content at the receiver', async () => {
    const base = temporaryDirectory('rolled')
    const [data, source] = [path.join(base, 'data'), path.join(base, 'source')]
    const { home, store, arrived, receiver, sender, start, sendNewer, olderTexts } = await sendFive(
      data,
      source,
    )
    await sender.kill()
    const aside = copyAside(data)
    const next = start()
    await sendNewer(next)
    await next.kill()
    putBack(aside, data)

    const last = start()
    // As the scanner does when it starts.
    offerAll(home)
    last.nudge()
    await allSent(last, 6)
    expect(readTree(arrived)).toEqual(readTree(source))
    expect(olderTexts()).toEqual(['content of d0/file-0'])
    await receiver.kill()
    expect(await runVerify(store)).toMatchObject({ code: 0, found: [] })
  })

  test.skipIf(!canMount).each(['while it runs', 'while it is stopped'])(
    'a disk rolled back to a snapshot made %s (needs root: mount) is stored again, and newer content is kept',
    async (moment) => {
      const disk = await mountExt4(onTestFinished)
      const { home, store, receiver, sender, start, readText, sendNewer, olderTexts } = await sendFive(
        disk.point,
      )
      const image = path.join(path.dirname(disk.point), 'image')
      const snapshot = path.join(temporaryDirectory('rolled-disk'), 'image')
      const isStopped = moment === 'while it is stopped'
      if (isStopped) await sender.kill()
      const before = readTree(home.source)
      await disk.freeze()
      copyFileSync(image, snapshot)
      await disk.thaw()
      const next = isStopped ? start() : sender
      await sendNewer(next)
      await next.kill()
      await disk.unmount()
      copyFileSync(snapshot, image)
      await disk.mountAgain()
      expect(readTree(home.source)).toEqual(before)

      start()
      // To the scanner all is as it was sent.
      expect(offerAll(home)).toBe(0)
      const isThere = () => readText('d0/file-0') === 'content of d0/file-0'
      await until('what the source has is there', isThere)
      expect(readText('new')).toBe('new')
      await receiver.kill()
      expect(olderTexts()).toEqual(['content of d0/file-0', 'newer'])
      expect(await runVerify(store)).toMatchObject({ code: 0, found: [] })
    },
  )
})
