import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { linkOpenFile } from '../../../core/platform/libc.ts'
import { tryFileSystem, UNNAMED } from '../../../core/store/file-system.ts'
import { openAt, smallFile } from '../../support/store/large-files.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  makeHome,
  offerAll,
  readTree,
  receiverConfig,
  senderConfig,
  startTestReceiver,
  startTestSender,
  waitUntilListening,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const isUsual = tryFileSystem(tmpdir()).hasUnnamed
const FILES = 4_000

/** The files without a name that a process has open. */
function listUnnamed(pid: number | 'self' | undefined): string[] {
  const directory = `/proc/${pid}/fd`
  const targets = fs.readdirSync(directory).flatMap((fd) => {
    try {
      return [fs.readlinkSync(path.join(directory, fd))]
    } catch {
      // Closed in between.
      return []
    }
  })
  return targets.filter((target) => target.includes('/.holdfast/') && target.endsWith('(deleted)'))
}

/** A store in this process, as a receiver has it. */
async function openBusyStore(root: string) {
  const { store, source } = await openAt(root)
  let last = 0
  const bytes = Buffer.alloc(4096, 'x')
  const send = (files: number) =>
    Array.from({ length: files }, () => {
      last += 1
      return store.receive(smallFile(source, `file-${last}`, Buffer.from(bytes)))
    })
  return { send, close: () => store.close() }
}

/** A sender with many small files, and a receiver that has its process, and no configuration yet. */
async function startMany() {
  const base = temporaryDirectory('unnamed')
  const home = await makeHome(path.join(base, 'home'))
  for (let index = 0; index < FILES; index += 1)
    writeFile(home.source, `d${index % 13}/${index}`, `content ${index}`.repeat(40))
  const store = path.join(base, 'store')
  const receiver = startTestReceiver()
  const begin = async () => {
    await receiver.configure(receiverConfig(store, [home]))
    const at = await waitUntilListening(receiver)
    const sender = startTestSender()
    sender.configure(senderConfig(home, at))
    offerAll(home)
    sender.nudge()
    return sender
  }
  return { home, store, receiver, begin }
}

describe.skipIf(!isUsual)('unnamed files (needs ext4, XFS or Btrfs, and Linux 5.17)', () => {
  test('an unnamed file is linked only under a name that is free, in a directory that exists', () => {
    const base = temporaryDirectory('unnamed')
    const written = (text: string) => {
      const fd = fs.openSync(base, UNNAMED, 0o600)
      onTestFinished(() => fs.closeSync(fd))
      fs.writeSync(fd, text)
      return fd
    }
    expect(fs.readdirSync(base)).toEqual([])
    const here = fs.openSync(base, fs.constants.O_RDONLY)
    onTestFinished(() => fs.closeSync(here))
    expect(linkOpenFile(written('first'), here, 'a')).toBeNull()
    expect(linkOpenFile(written('second'), here, 'a')).toBe('EEXIST')
    const directory = path.join(base, 'gone')
    fs.mkdirSync(directory)
    const open = fs.openSync(directory, fs.constants.O_RDONLY)
    onTestFinished(() => fs.closeSync(open))
    fs.rmdirSync(directory)
    expect(linkOpenFile(written('third'), open, 'b')).toBe('ENOENT')
    expect(fs.readFileSync(path.join(base, 'a'), 'utf8')).toBe('first')
    expect(fs.readdirSync(base)).toEqual(['a'])
  })

  test('a busy store that is closed leaves no unnamed file open, and answers every upload', async () => {
    const { send, close } = await openBusyStore(temporaryDirectory('unnamed'))
    const first = Promise.race(send(2_000))
    const answers = Promise.all([first, ...send(2_000)])
    await first
    await close()
    const statuses = new Set((await answers).map(({ status }) => status))
    expect([...statuses].sort()).toEqual(['aborted', 'durable'])
    await until('all are closed', () => listUnnamed('self').length === 0)
  })

  test(`a receiver with few file descriptors stores ${FILES} small files without a refusal`, async () => {
    const { home, store, receiver, begin } = await startMany()
    const limit = 320
    execFileSync('prlimit', ['--pid', String(receiver.process.pid), `--nofile=${limit}:${limit}`])
    await allSent(await begin(), FILES)
    expect(readTree(path.join(store, 'sender-1/data'))).toEqual(readTree(home.source))
    expect(receiver.log.filter((line) => !line.startsWith('info'))).toEqual([])
  })

  test('a receiver that is killed leaves no unnamed file in its store', async () => {
    const { store, receiver, begin } = await startMany()
    await begin()
    await until('files without a name', () => listUnnamed(receiver.process.pid).length > 0)
    await receiver.kill()
    const own = path.join(store, '.holdfast/tmp')
    const left = fs.readdirSync(own, { recursive: true, withFileTypes: true }).filter((one) => one.isFile())
    expect(left).toEqual([])
  })
})
