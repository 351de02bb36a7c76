import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { lockDirectory } from '../../../core/lib/workers/directory-lock.ts'
import type { Finding } from '../../../core/store/verify/findings.ts'
import { verifyStore } from '../../../core/store/verify/verify.ts'
import { openRestoring } from '../../support/store/restoring.ts'

/** The pauses of the product, in milliseconds. */
const pauses = vi.hoisted((): number[] => [])
vi.mock('node:timers/promises', async (original) => {
  const real = await original<typeof import('node:timers/promises')>()
  const setTimeout = (ms: number, ...words: []) => {
    pauses.push(ms)
    return real.setTimeout(ms, ...words)
  }
  return { ...real, setTimeout }
})

const names = Array.from({ length: 40 }, (_, index) => `file-${index}`)
/** Too much to have come before its turn. */
const content = (text: string) => text.padEnd(300 * 1024)
const collectTexts = (texts: Record<string, string>) => new Set(Object.values(texts).map((one) => one.trim()))

/** A store with these files, whose lock is held, as by a receiver that runs. */
async function setUp() {
  const world = await openRestoring()
  const lock = lockDirectory(world.layout.own)
  onTestFinished(() => lock?.release())
  const putAll = (text: string, some = names) =>
    Promise.all(some.map((name) => world.put(name, content(text))))
  await putAll('first')
  const verify = async () => {
    const found: Finding[] = []
    const host = { notice: async () => undefined, progress: () => undefined }
    await verifyStore(world.root, { adopt: false }, { ...host, found: async (one) => void found.push(one) })
    return found.map(({ kind, place }) => `${kind} ${place}`).sort()
  }
  return { ...world, putAll, verify }
}

test('restore beside a receiver: a file replaced meanwhile is restored with its new content, not as damaged', async () => {
  const { base, putAll, restore, textsIn, stored } = await setUp()
  // What is told first, before any other is read: all others are replaced by then.
  fs.rmSync(stored('file-0'))
  let isTold = false
  const told = async () => {
    if (!isTold) await putAll('the second', names.slice(1))
    isTold = true
  }
  const to = path.join(base, 'to')
  const { events, summary } = await restore(to, { sender: 'pc', source: 'data', told })
  expect(events.filter(({ kind }) => kind !== 'restored')).toEqual([
    { kind: 'missing', place: 'pc/data/file-0' },
  ])
  expect(summary).toMatchObject({ files: names.length, restored: names.length - 1, failed: 1 })
  expect(collectTexts(textsIn(to))).toEqual(new Set(['the second']))
})

test('restore beside a receiver: a file of a past time is restored though it was replaced meanwhile', async () => {
  const { base, putAll, restore, textsIn, stored } = await setUp()
  fs.rmSync(stored('file-0'))
  const at = Date.now()
  const to = path.join(base, 'to')
  let isTold = false
  const told = async () => {
    if (!isTold) await putAll('the second', names.slice(1, 5))
    isTold = true
  }
  const { summary } = await restore(to, { sender: 'pc', source: 'data', at, told })
  expect(summary).toMatchObject({ restored: names.length - 1, failed: 1 })
  expect(collectTexts(textsIn(to))).toEqual(new Set(['first']))
})

test('restore beside a receiver: damaged and missing files are reported without a wait, by verify as well', async () => {
  const { base, restore, verify, stored } = await setUp()
  const [missing, rotten] = [names.slice(0, 20), names.slice(20)]
  for (const name of missing) fs.rmSync(stored(name))
  for (const name of rotten) fs.writeFileSync(stored(name), 'thirs')
  const expected = [
    ...missing.map((name) => `missing pc/data/${name}`),
    ...rotten.map((name) => `damaged pc/data/${name}`),
  ].sort()
  pauses.length = 0
  const { events, summary } = await restore(path.join(base, 'to'))
  expect(events.map((one) => `${one.kind} ${'place' in one ? one.place : ''}`).sort()).toEqual(expected)
  expect(summary).toMatchObject({ restored: 0, failed: names.length })
  // Those that were written to have another time, too.
  expect(await verify()).toEqual(expected.map((text) => text.replace('damaged', 'changed')).sort())
  expect(pauses).toEqual([])
})

test('restore beside a receiver: a file that an unfinished round is moving is waited for', async () => {
  const { base, restore, inManifest, stored, textsIn } = await setUp()
  // In the middle of a round: what was there is away, and what takes its place is not there yet.
  const places = JSON.stringify([[1, 'file-1']])
  inManifest(`INSERT INTO round (id, version, places) VALUES (1, 'x', '${places}')`)
  fs.renameSync(stored('file-1'), stored('aside'))
  const to = path.join(base, 'to')
  const restoring = restore(to, { sender: 'pc', source: 'data', path: 'file-1' })
  setTimeout(() => fs.renameSync(stored('aside'), stored('file-1')), 300)
  expect((await restoring).summary).toMatchObject({ restored: 1, failed: 0 })
  expect(textsIn(to)).toEqual({ 'file-1': content('first') })
})
