import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { remount } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  offerAll,
  readTree,
  SOURCE,
  startListening,
  startPair,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const asRoot = test.skipIf(process.getuid?.() !== 0)

async function setUp(options: string) {
  const base = temporaryDirectory('faults')
  const store = path.join(base, 'store')
  fs.mkdirSync(store)
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', store])
  onTestFinished(() => {
    execFileSync('umount', ['-l', store])
  })
  return startPair(base)
}

asRoot(
  'full store (needs root): it is reported, small files are still sent, and the rest when there is room',
  async () => {
    const { store, home, sender, config } = await setUp('size=8m')
    writeFile(store, 'ballast', Buffer.alloc(6 * 1024 * 1024))
    writeFile(home.source, 'a-large', Buffer.alloc(4 * 1024 * 1024, 1))
    for (let index = 0; index < 20; index += 1) writeFile(home.source, `small-${index}`, `small ${index}`)
    fs.utimesSync(path.join(home.source, 'a-large'), 1, 1)
    offerAll(home)
    sender.configure(config)
    await until('the reason is said', () => sender.report()?.connection.problem?.key === 'transfer.storeFull')
    await until('the small files are not held up', () => sender.report()?.totals[SOURCE]?.sentFiles === 20)
    fs.rmSync(path.join(store, 'ballast'))
    await allSent(sender, 21)
    await until('all is well again', () => sender.report()?.connection.problem === null)
    expect(readTree(path.join(store, 'sender-1', 'data'))).toEqual(readTree(home.source))
    expect(readTree(path.join(store, '.holdfast', 'tmp'))).toEqual({})
  },
)

asRoot(
  'read-only store (needs root): files wait without being parked, and are sent when it is writable again',
  async () => {
    const { store, home, receiver, sender, config } = await setUp('size=64m')
    writeFile(home.source, 'first', 'first')
    offerAll(home)
    sender.configure(config)
    await allSent(sender, 1)
    await remount(store, 'ro')
    for (let index = 0; index < 300; index += 1) writeFile(home.source, `file-${index}`, `content ${index}`)
    offerAll(home)
    sender.nudge()
    await until('it is said', () => sender.report()?.connection.problem?.key === 'transfer.storeReadOnly')
    expect(sender.report()?.connection.state).toBe('connected')
    expect(sender.report()?.totals[SOURCE]).toMatchObject({ sentFiles: 1, waitingFiles: 300, parkedFiles: 0 })
    expect(receiver.process.exitCode).toBeNull()
    await remount(store, 'rw')
    await allSent(sender, 301)
    await until('all is well again', () => sender.report()?.connection.problem === null)
    expect(readTree(path.join(store, 'sender-1', 'data'))).toEqual(readTree(home.source))
  },
)

asRoot(
  'read-only store (needs root): a receiver starts on it, and files are sent when it is writable again',
  async () => {
    const { store, home, receiver, sender, config } = await setUp('size=64m')
    await receiver.kill()
    await remount(store, 'ro')
    await startListening(store, [home], config.destination?.port)
    writeFile(home.source, 'file', 'content')
    offerAll(home)
    sender.configure(config)
    await until('it is said', () => sender.report()?.connection.problem?.key === 'transfer.storeReadOnly')
    await remount(store, 'rw')
    await allSent(sender, 1)
  },
)
