import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { canSyncWhole } from '../../../core/receive/bulk/syncfs.ts'
import { ANYWHERE, openNameFile, UNNAMED } from '../../../core/receive/bulk/unnamed.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  listening,
  makeHome,
  offerAll,
  receiverConfig,
  senderConfig,
  startTestReceiver,
  startTestSender,
  treeOf,
  writeFile,
} from '../../support/transfer.ts'
import { until } from '../../support/until.ts'

const isUsual = await canSyncWhole(tmpdir()).catch(() => false)
const FILES = 4_000

/** A sender with many small files, and a receiver that has its process, and no configuration yet. */
async function startMany() {
  const base = temporaryDirectory('unnamed')
  const home = await makeHome(path.join(base, 'home'))
  for (let index = 0; index < FILES; index += 1)
    writeFile(home.source, `d${index % 13}/${index}`, `content ${index}`.repeat(40))
  const store = path.join(base, 'store')
  const receiver = startTestReceiver()
  const begin = async () => {
    receiver.configure(receiverConfig(store, [home]))
    const at = await listening(receiver)
    const sender = startTestSender()
    sender.configure(senderConfig(home, at))
    offerAll(home)
    sender.nudge()
    return sender
  }
  return { home, store, receiver, begin }
}

describe.skipIf(!isUsual)('files without a name (needs ext4, XFS or Btrfs, and Linux 5.17)', () => {
  test.each([true, false])('get one where nothing has it yet (by descriptor: %s)', (mayByDescriptor) => {
    const base = temporaryDirectory('unnamed')
    const name = openNameFile(mayByDescriptor)
    const written = (text: string) => {
      const fd = fs.openSync(base, UNNAMED, 0o600)
      onTestFinished(() => fs.closeSync(fd))
      fs.writeSync(fd, text)
      return fd
    }
    expect(fs.readdirSync(base)).toEqual([])
    expect(name(written('first'), ANYWHERE, path.join(base, 'a'))).toBeNull()
    expect(name(written('second'), ANYWHERE, path.join(base, 'a'))).toBe('EEXIST')
    const directory = path.join(base, 'gone')
    fs.mkdirSync(directory)
    const open = fs.openSync(directory, fs.constants.O_RDONLY)
    onTestFinished(() => fs.closeSync(open))
    fs.rmdirSync(directory)
    expect(name(written('third'), open, 'b')).toBe('ENOENT')
    // That was not the way's fault: the next one goes.
    expect(name(written('fourth'), ANYWHERE, path.join(base, 'c'))).toBeNull()
    expect(fs.readFileSync(path.join(base, 'a'), 'utf8')).toBe('first')
    expect(fs.readdirSync(base).sort()).toEqual(['a', 'c'])
  })

  test(`of a receiver that may have few files open: ${FILES} small files arrive, none is refused`, async () => {
    const { home, store, receiver, begin } = await startMany()
    const limit = 320
    execFileSync('prlimit', ['--pid', String(receiver.process.pid), `--nofile=${limit}:${limit}`])
    await allSent(await begin(), FILES)
    expect(treeOf(path.join(store, 'sender-1/data'))).toEqual(treeOf(home.source))
    expect(receiver.log.filter((line) => !line.startsWith('info'))).toEqual([])
  })

  test('of a receiver that is killed are gone with it', async () => {
    const { store, receiver, begin } = await startMany()
    await begin()
    const open = () => {
      const directory = `/proc/${receiver.process.pid}/fd`
      const to = fs.readdirSync(directory).map((fd) => fs.readlinkSync(path.join(directory, fd)))
      return to.some((target) => target.startsWith(store) && target.endsWith('(deleted)'))
    }
    await until('files without a name', open)
    await receiver.kill()
    const own = path.join(store, '.holdfast/tmp')
    const left = fs.readdirSync(own, { recursive: true, withFileTypes: true }).filter((one) => one.isFile())
    expect(left).toEqual([])
  })
})
