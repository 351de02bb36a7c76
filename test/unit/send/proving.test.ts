import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Proof } from '../../../core/backends/destination.ts'
import { NotReadable } from '../../../core/backends/errors.ts'
import type { Library } from '../../../core/backends/library.ts'
import { Bucket } from '../../../core/backends/token-bucket.ts'
import { openLedger } from '../../../core/ledger/ledger.ts'
import { computeLogMiss } from '../../../core/ledger/proof-figures.ts'
import { noProofs } from '../../../core/ledger/proofs.ts'
import { computeDigest } from '../../../core/platform/digest.ts'
import { Proving } from '../../../core/send/proving.ts'
import { destinationSchema } from '../../../core/settings/destination-schema.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { fakeSession } from '../../support/transfer/fake-session.ts'
import { until } from '../../support/until.ts'

const TO = 'destination'
const WHOLE = { files: 1_000, bytes: 1e9 }
const receiver = destinationSchema.parse({
  ...{ id: TO, name: 'nas', kind: 'receiver', host: 'nas', port: 1, fingerprint: 'a'.repeat(64) },
})
const folder = destinationSchema.parse({ id: TO, name: 'nas', kind: 'folder', path: '/nas' })
const source = (root: string) => ({ id: 's', name: 'data', path: root })

/** The destination's files by path: their content; null: unreadable; missing: absent. */
type Stored = Map<string, string | null>

/** A destination that has the files of a source, each with its name as content. */
function open(names: readonly string[], to = receiver) {
  const base = temporaryDirectory('proving')
  const root = path.join(base, 'source')
  mkdirSync(root)
  const ledger = openLedger(path.join(base, 'ledger.db'))
  onTestFinished(() => ledger.close())
  const found = names.map((name) => {
    writeFileSync(path.join(root, name), name)
    const {
      size,
      mtimeNs,
      ctimeNs,
      ino: inode,
      dev: device,
    } = statSync(path.join(root, name), { bigint: true })
    return { source: 's', path: name, size: Number(size), mtimeNs, ctimeNs, inode, device }
  })
  const stored: Stored = new Map(names.map((name) => [name, name]))
  /** Records files as sent, each with its name as content. */
  const markSent = (files: typeof found) => {
    ledger.offer(TO, files)
    const due = ledger.take(TO, 's', files.length, Date.now(), new Set())
    const sent = due.map((one) => ({ ...one, mark: false, digest: computeDigest(Buffer.from(one.path)) }))
    ledger.markSent(sent, Date.now())
    for (const { path: name } of files) stored.set(name, name)
  }
  markSent(found)
  const asked: { name: string; isWithNonce: boolean; isSample: boolean }[] = []
  const readBack: string[] = []
  const library: Library = {
    place: null,
    folders: async () => [{ name: 'Data', source: 's' }],
    entries: () => Promise.reject(new Error('not asked')),
    contents: () => Promise.reject(new Error('not asked')),
    async open({ folder: directory, path: name, facts, digest }) {
      readBack.push(`${directory}/${name}`)
      const content = stored.get(name)
      if (content == null) throw new NotReadable(content === null ? 'EIO' : 'ENOENT')
      return { facts, digest, pieces: () => [Buffer.from(content)] }
    },
    close: () => undefined,
  }
  const state = {
    closesAfter: Number.POSITIVE_INFINITY,
    isLying: false,
    isUnavailable: false,
    onAsked: (_: string) => undefined as unknown,
    isSending: false,
    pauseChecks: 0,
    lines: [] as string[],
  }
  const prove = (name: string, nonce: Uint8Array): Proof => {
    const content = stored.get(name)
    if (content === undefined) return { kind: 'absent' }
    if (content === null) return { kind: 'unreadable', code: 'EIO' }
    return { kind: 'digest', digest: computeDigest(Buffer.concat([nonce, Buffer.from(content)])) }
  }
  const session = fakeSession({
    async prove(_, name, __, nonce, ___, isSample = false) {
      state.onAsked(name)
      asked.push({ name, isWithNonce: nonce.length > 0, isSample })
      if (state.isUnavailable) return { kind: 'unavailable' }
      return state.isLying ? { kind: 'digest', digest: computeDigest(Buffer.from(name)) } : prove(name, nonce)
    },
  })
  const proving = new Proving({
    ...{ destination: to, ledger, bucket: new Bucket() },
    session: () => (asked.length < state.closesAfter ? session : null),
    sources: () => [source(root)],
    isSending: () => {
      state.pauseChecks += 1
      return state.isSending
    },
    openLibrary: async () => library,
    onChange: () => undefined,
    log: (_, text) => void state.lines.push(text),
  })
  onTestFinished(() => proving.stop())
  const run = async (limits = WHOLE) => {
    proving.start(limits)
    await until('the round to end', () => proving.round?.isRunning === false)
    return proving.round
  }
  return { root, found, markSent, ledger, stored, asked, readBack, state, proving, run }
}

// The rounds of a test are of one day.
beforeEach(() => void vi.setSystemTime(new Date(2026, 5, 10, 12)))
afterEach(() => void vi.useRealTimers())

const many = (count: number) => Array.from({ length: count }, (_, index) => `file-${index}`)

describe('samples of a receiver', () => {
  test('every file is proven with a nonce and pins nothing there, and the whole archive shows any damage', async () => {
    const { run, asked, readBack, proving } = open(many(20))
    expect(await run()).toMatchObject({ files: 20, damaged: 0, missing: 0, unreadable: 0, unanswered: 0 })
    expect(new Set(asked.map(({ name }) => name)).size).toBe(20)
    expect(asked.every(({ isWithNonce, isSample }) => isWithNonce && isSample)).toBe(true)
    expect(readBack).toEqual([])
    expect(proving.figures).toMatchObject({ files: 20, damaged: 0, confidence: 1 })
  })

  test('a receiver that keeps digests and loses contents proves nothing', async () => {
    const { run, state, stored, ledger } = open(many(6))
    state.isLying = true
    stored.delete('file-2')
    expect(await run()).toMatchObject({ files: 6, missing: 1 })
    expect(ledger.damagedFiles(TO, null)).toMatchObject([{ path: 'file-2' }])
  })

  test('files that are gone or changed here are read back', async () => {
    const { run, root, readBack } = open(many(5))
    rmSync(path.join(root, 'file-1'))
    writeFileSync(path.join(root, 'file-3'), 'changed')
    expect(await run()).toMatchObject({ files: 5, damaged: 0 })
    expect(readBack.sort()).toEqual(['Data/file-1', 'Data/file-3'])
  })

  test('damaged, missing and unreadable files become findings, and are sent again while they are here', async () => {
    const { run, root, stored, ledger, proving } = open(many(30))
    stored.set('file-1', 'FILE-1')
    stored.delete('file-2')
    stored.set('file-3', null)
    rmSync(path.join(root, 'file-1'))
    const round = await run()
    expect(round).toMatchObject({ files: 30, damaged: 1, missing: 1, unreadable: 1 })
    expect(round?.found.toSorted((a, b) => a.path.localeCompare(b.path))).toEqual([
      { path: 'data/file-1', finding: 'damaged' },
      { path: 'data/file-2', finding: 'missing' },
      { path: 'data/file-3', finding: 'unreadable' },
    ])
    expect(ledger.damagedFiles(TO, null)).toMatchObject([
      {
        path: 'file-1',
        finding: 'damaged',
        digest: Buffer.from(computeDigest(Buffer.from('file-1'))).toString('hex'),
      },
      { path: 'file-2', finding: 'missing' },
      { path: 'file-3', finding: 'unreadable' },
    ])
    expect(ledger.lookup(TO, 's', 'file-2')).toMatchObject({ state: 'waiting' })
    expect(proving.figures).toMatchObject({ files: 30, damaged: 3 })
    // Known damage is not counted again.
    expect(await run()).toMatchObject({ files: 27, damaged: 0, missing: 0, unreadable: 0 })
  })

  test('the limits of files and of bytes end a round', async () => {
    const { run } = open(many(30))
    expect(await run({ files: 7, bytes: 1e9 })).toMatchObject({ files: 7 })
    expect((await run({ files: 1_000, bytes: 25 }))?.bytes).toBeLessThan(25 + 'file-29'.length)
  })

  test('a connection that ends during a round ends it without a finding', async () => {
    const { run, state, ledger, asked } = open(many(10))
    state.closesAfter = 4
    await run()
    expect(ledger.countDamaged(TO).files).toBe(0)
    expect(asked).toHaveLength(4)
  })
})

test('samples of a folder: contents are read back, compared with the record, and need no file here', async () => {
  const { run, root, stored, asked, ledger } = open(many(12), folder)
  for (const name of many(12)) rmSync(path.join(root, name))
  stored.set('file-4', 'FILE-4')
  expect(await run()).toMatchObject({ files: 12, damaged: 1 })
  expect(asked.some(({ isWithNonce }) => isWithNonce)).toBe(false)
  expect(ledger.damagedFiles(TO, null)).toMatchObject([{ path: 'file-4' }])
})

test('samples: files that come during a round, or after one, were not read by it', async () => {
  const { run, found, markSent, state, proving } = open(many(10), folder)
  const [one = expect.fail()] = found
  const add = (name: string, inode: bigint) => {
    vi.setSystemTime(Date.now() + 1)
    markSent([{ ...one, path: name, size: name.length, inode }])
  }
  await run()
  expect(proving.figures).toMatchObject({ files: 10, confidence: 1 })
  add('later', 1n)
  await run({ files: 1, bytes: 1e9 })
  expect(proving.figures?.confidence).toBeCloseTo(1 - (1 / 11) * (10 / 11), 9)

  let isAdded = false
  state.onAsked = () => {
    if (!isAdded) add('during', 2n)
    isAdded = true
  }
  await run()
  state.onAsked = () => undefined
  expect(proving.figures?.confidence).toBeCloseTo(11 / 12, 9)
  await run()
  expect(proving.figures).toMatchObject({ confidence: 1 })
})

test('samples: a round that goes on after midnight shows as much as one of a single day', async () => {
  const runAt = async (hour: number) => {
    vi.setSystemTime(new Date(2026, 5, 10, hour, 59, 59))
    const { run, found, markSent, state, proving, asked } = open(many(40), folder)
    const [one = expect.fail()] = found
    state.onAsked = () => {
      if (asked.length !== 10) return
      vi.setSystemTime(Date.now() + 2_000)
      markSent(many(20).map((name, index) => ({ ...one, path: `new-${name}`, inode: BigInt(1 + index) })))
    }
    await run({ files: 30, bytes: 1e9 })
    return proving.figures
  }
  const [single, both] = [await runAt(11), await runAt(23)]
  expect(single).toMatchObject({ files: 30 })
  expect(both).toMatchObject({ files: 30, confidence: single?.confidence })
})

test('samples: the figures follow the end of a round and a finding, and are not computed for each sample', async () => {
  const { run, stored, state, proving, ledger } = open(many(30), folder)
  const computed = vi.spyOn(ledger, 'proofsSince')
  state.onAsked = () => proving.figures
  expect(proving.figures).toBeNull()
  await run()
  expect(proving.figures).toMatchObject({ files: 30, damaged: 0, confidence: 1 })
  // The figures before and after, and those with which the round begins.
  expect(computed).toHaveBeenCalledTimes(3)
  const shown = new Set<number | undefined>()
  state.onAsked = () => void shown.add(proving.figures?.damaged)
  for (const name of many(29)) stored.delete(name)
  await run()
  expect(shown.size).toBeGreaterThan(20)
})

test('samples: two rounds of a day that are nearly certain are not certain', async () => {
  const { run, ledger, proving } = open(many(4), folder)
  ledger.recordProofs(TO, 'sample', Date.now(), {
    ...noProofs(),
    logMiss: computeLogMiss(900_000, 1_000_000),
  })
  await run({ files: 3, bytes: 1e9 })
  expect(proving.figures?.confidence).toBeGreaterThan(0.999_999)
  expect(proving.figures?.confidence).toBeLessThan(1)
})

test('samples: a file that changes while it is read is neither counted nor damaged', async () => {
  const { run, found, stored, state, ledger } = open(many(8), folder)
  stored.set('file-5', 'newer content')
  const [file] = found.filter((one) => one.path === 'file-5')
  if (file === undefined) throw new Error('no file')
  state.onAsked = (name) => name === 'file-5' && ledger.offer(TO, [{ ...file, size: 13, mtimeNs: 1n }])
  expect(await run()).toMatchObject({ files: 7, damaged: 0 })
  expect(ledger.countDamaged(TO).files).toBe(0)
})

test('samples: each sent file is drawn as often as any other', async () => {
  const { run, asked } = open(many(10), folder)
  for (let round = 0; round < 100; round += 1) await run({ files: 2, bytes: 1e9 })
  const counts = many(10).map((name) => asked.filter((one) => one.name === name).length)
  // 20 each, with a deviation of 4.
  expect(Math.min(...counts)).toBeGreaterThan(2)
  expect(Math.max(...counts)).toBeLessThan(42)
})

test('samples: a file whose proof failed counts for the day, and the log names a round without any proof', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance', 'Date'] })
  vi.setSystemTime(new Date(2026, 5, 10, 12))
  onTestFinished(() => void vi.useRealTimers())
  const { proving, state, asked } = open(many(10), folder)
  state.isUnavailable = true
  proving.configure({ files: 4, bytes: 1e9 })
  vi.advanceTimersByTime(1_900_000)
  await until('the round of the day', () => state.lines.length > 0)
  expect(state.lines).toEqual(['samples of nas: none of 4 files could be proven'])
  await new Promise(setImmediate)
  vi.advanceTimersByTime(3_600_000)
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(asked).toHaveLength(4)
  expect(proving.figures).toBeNull()
})

test('samples: the round of the day waits for a pause in sending, and runs once', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance', 'Date'] })
  vi.setSystemTime(new Date(2026, 5, 10, 12))
  onTestFinished(() => void vi.useRealTimers())
  const { proving, state, asked } = open(many(10))
  proving.configure({ files: 4, bytes: 1e9 })
  vi.advanceTimersByTime(1_900_000)
  await until('the round of the day', () => asked.length === 4)
  await new Promise(setImmediate)
  vi.advanceTimersByTime(3_600_000)
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(asked).toHaveLength(4)
  expect(state.lines).toEqual([])
  state.isSending = true
  const { pauseChecks } = state
  vi.setSystemTime(Date.now() + 24 * 3_600_000)
  vi.advanceTimersByTime(1_920_000)
  await until('the round to wait', () => state.pauseChecks > pauseChecks + 1)
  expect(asked).toHaveLength(4)
  state.isSending = false
  await until('the round of the next day', () => asked.length === 8)
  expect(proving.round).toBeNull()
})

test('samples: the first of the last 30 days counts although daylight saving time has ended since', () => {
  vi.stubEnv('TZ', 'Europe/Berlin')
  vi.useFakeTimers({ toFake: ['Date'], now: new Date(2026, 9, 26, 12) })
  onTestFinished(() => void [vi.useRealTimers(), vi.unstubAllEnvs()])
  const { ledger, proving } = open([])
  const record = (day: number, files: number) =>
    ledger.recordProofs(TO, 'sample', new Date(2026, 8, day, 12).getTime(), { ...noProofs(), files })
  record(26, 1)
  record(27, 2)
  expect(proving.figures?.files).toBe(2)
})
