import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryDirectory } from '../../support/temporary.ts'
import { allSent, offerAll, readTree, startPair, writeFile } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

test.skipIf(process.getuid?.() !== 0)(
  'unmounted store disk (needs root): no file is written below its mount point, and all are sent when it is back',
  async () => {
    const base = temporaryDirectory('away')
    const [store, disk] = [path.join(base, 'store'), path.join(base, 'disk')]
    for (const directory of [store, disk]) fs.mkdirSync(directory)
    const mount = () => execFileSync('mount', ['--bind', disk, store])
    mount()
    onTestFinished(() => {
      spawnSync('umount', ['-l', store])
    })
    const { home, sender, config } = await startPair(base)
    writeFile(home.source, 'first', 'stored')
    offerAll(home)
    sender.configure(config)
    await allSent(sender, 1)

    // Not an ordinary umount: the receiver has files open on it.
    execFileSync('umount', ['-l', store])
    for (let index = 0; index < 40; index += 1) writeFile(home.source, `small-${index}`, `small ${index}`)
    writeFile(home.source, 'large', Buffer.alloc(5 * 1024 * 1024, 1))
    offerAll(home)
    sender.nudge()
    const problem = () => sender.report()?.connection.problem
    await until('the reason is said', () => problem()?.key === 'transfer.storeAway')
    expect(fs.readdirSync(store, { recursive: true })).toEqual([])

    mount()
    await allSent(sender, 42)
    await until('all is well again', () => problem() === null)
    expect(readTree(path.join(store, 'sender-1', 'data'))).toEqual(readTree(home.source))
  },
  90_000,
)
