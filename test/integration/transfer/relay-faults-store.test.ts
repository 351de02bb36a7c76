import { execFileSync } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openLedger } from '../../../core/ledger/ledger.ts'
import { canMount, mountExt4, mountTmpfs } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  DESTINATION,
  makeHome,
  offerAll,
  readTree,
  SOURCE,
  senderConfig,
  startListening,
  startTestSender,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const MIB = 1024 * 1024

/** A pair whose store is on a disk of its own. */
async function startOn(disk: string) {
  const home = await makeHome(path.join(temporaryDirectory('store-faults'), 'home'))
  const store = path.join(disk, 'store')
  const { receiver, at } = await startListening(store, [home])
  const sender = startTestSender()
  sender.configure(senderConfig(home, at, { retrySeconds: 1 }))
  return { home, store, receiver, sender, at, arrived: path.join(store, 'sender-1', 'data') }
}

/** What the ledger calls sent. */
function sentNames(ledgerPath: string): string[] {
  const ledger = openLedger(ledgerPath)
  const page = { source: SOURCE, state: 'sent', before: null, limit: 200 } as const
  const names = ledger.files([DESTINATION], page).files.map((file) => file.path)
  ledger.close()
  return names.sort()
}

describe.skipIf(!canMount)('failing store disk (needs root)', () => {
  test('a hung disk is reported while the connection stays open, and all files are sent after it recovers', async () => {
    const disk = await mountExt4(onTestFinished, { megabytes: 64 })
    const { home, sender, receiver, arrived } = await startOn(disk.point)
    writeFile(home.source, 'first', 'first')
    offerAll(home)
    sender.nudge()
    await allSent(sender, 1)
    await disk.freeze()
    try {
      for (let index = 0; index < 40; index += 1) writeFile(home.source, `f${index}`, `content ${index}`)
      writeFile(home.source, 'large', Buffer.alloc(3 * MIB, 1))
      offerAll(home)
      sender.nudge()
      await until('it is said', () => sender.report()?.connection.problem?.key === 'transfer.storeHung')
      expect(sender.report()?.connection.state).toBe('connected')
      expect(sender.report()?.totals[SOURCE]).toMatchObject({ sentFiles: 1, parkedFiles: 0 })
      expect(receiver.process.exitCode).toBeNull()
    } finally {
      await disk.thaw()
    }
    await allSent(sender, 42)
    await until('all is well again', () => sender.report()?.connection.problem === null)
    expect(readTree(arrived)).toEqual(readTree(home.source))
  })

  test('a disk whose writes fail keeps all files counted as sent, and the rest is sent after its repair', async () => {
    // A disk image that finds no room below it: the loop device's writes fail, as on a disk with bad sectors.
    const below = await mountTmpfs(onTestFinished, { megabytes: 48 })
    const image = path.join(below.point, 'image')
    const ballast = path.join(below.point, 'ballast')
    fs.closeSync(fs.openSync(image, 'w'))
    fs.truncateSync(image, 96 * MIB)
    execFileSync('mkfs.ext4', ['-q', '-F', image])
    const disk = path.join(temporaryDirectory('store-faults'), 'disk')
    fs.mkdirSync(disk)
    const mount = () => execFileSync('mount', ['-o', 'loop,errors=remount-ro', image, disk])
    const unmount = () => execFileSync('umount', [disk])
    mount()
    onTestFinished(() => {
      try {
        execFileSync('umount', ['-l', disk], { stdio: 'ignore' })
      } catch {
        // It is not mounted in the middle of the test.
      }
    })
    const { home, store, sender, receiver, at, arrived } = await startOn(disk)
    const write = (name: string, bytes: number) =>
      writeFile(home.source, name, randomFillSync(Buffer.alloc(bytes)))
    for (let index = 0; index < 20; index += 1) write(`well${index}`, 20_000)
    offerAll(home)
    sender.nudge()
    await allSent(sender, 20)

    const { bavail, bsize } = fs.statfsSync(below.point)
    fs.writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - 2 * MIB), 1))
    for (let index = 0; index < 60; index += 1) write(`ill${index}`, index % 6 === 0 ? MIB + 1 : 60_000)
    offerAll(home)
    sender.nudge()
    const problem = await until('it is said', () => sender.report()?.connection.problem)
    expect(problem.key).toMatch(/^transfer\.store(Full|Failed|ReadOnly)$/)
    expect(sender.report()?.connection.state).toBe('connected')

    // Only what the disk really has counts: the cache goes with the mount.
    await receiver.kill()
    await sender.kill()
    const sent = sentNames(home.ledgerPath)
    await until('it is unmounted', () => unmount() !== null)
    fs.rmSync(ballast)
    try {
      execFileSync('e2fsck', ['-f', '-y', image], { stdio: 'ignore' })
    } catch (error) {
      // 1: errors were there and were corrected.
      expect(error).toMatchObject({ status: 1 })
    }
    mount()
    const here = readTree(home.source)
    const there = readTree(arrived)
    expect(sent.filter((name) => there[name] !== here[name])).toEqual([])
    expect(sent.length).toBeGreaterThanOrEqual(20)
    expect(sent.length).toBeLessThan(80)

    const { receiver: again } = await startListening(store, [home], at.port)
    const next = startTestSender()
    next.configure(senderConfig(home, at, { retrySeconds: 1 }))
    await allSent(next, 80)
    expect(readTree(arrived)).toEqual(here)
    await again.kill()
    await until('it is unmounted', () => unmount() !== null)
  })
})
