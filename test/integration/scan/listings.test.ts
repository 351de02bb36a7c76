import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { listTree } from '../../../core/scan/listing/list-tree.ts'
import { Listings } from '../../../core/scan/listing/listings.ts'
import { sourceSchema } from '../../../core/settings/schema.ts'
import { canMount, mountHung } from '../../support/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const file = new URL('../../../cli/workers/listing-thread.ts', import.meta.url)
const names = { ignore: ['left-out/'], marks: [] }

function setUp() {
  const listings = new Listings(file, () => undefined)
  const list = async (root: string, base = '', recursive = true, signal = new AbortController().signal) => {
    const paths: string[] = []
    const options = { root, base, recursive, names, leaveOut: ['kept/out'], place: root }
    for await (const { rows } of listings.list(options, signal) ?? [])
      for (const [name] of JSON.parse(rows) as [string][]) paths.push(name)
    return paths.toSorted()
  }
  return { list }
}

test('every file of a tree, and only files that go; one directory alone; several listings at once', async () => {
  const root = temporaryDirectory('listing')
  const expected: string[] = []
  for (const directory of ['one', 'two/deep', 'kept/out', 'left-out']) {
    mkdirSync(path.join(root, directory), { recursive: true })
    for (let index = 0; index < 700; index += 1) {
      const name = `${directory}/f${index}`
      writeFileSync(path.join(root, name), '')
      if (!directory.endsWith('out')) expected.push(name)
    }
  }
  symlinkSync('/etc', path.join(root, 'link'))
  writeFileSync(path.join(root, 'writing.tmp'), '')
  writeFileSync(path.join(root, 'top'), '')
  const { list } = setUp()
  const [all, alone, below] = await Promise.all([list(root), list(root, '', false), list(root, 'one')])
  expect(all).toEqual([...expected, 'top'].toSorted())
  expect(alone).toEqual(['top'])
  expect(below).toEqual(expected.filter((name) => name.startsWith('one/')).toSorted())
})

test('a listing that begins when an idle thread ends has another one', async () => {
  const root = temporaryDirectory('listing')
  writeFileSync(path.join(root, 'one'), '')
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const ended = vi.spyOn(Worker.prototype, 'terminate')
  onTestFinished(() => ended.mockRestore())
  const { list } = setUp()
  expect(await list(root)).toEqual(['one'])
  await until('the thread to be ended', () => {
    vi.advanceTimersByTime(10_000)
    return ended.mock.calls.length > 0
  })
  expect(await list(root)).toEqual(['one'])
})

test('a directory that is gone is the system’s error', async () => {
  const root = temporaryDirectory('listing')
  rmSync(root, { recursive: true })
  await expect(setUp().list(root)).rejects.toMatchObject({ code: 'ENOENT' })
})

test('threads are bounded: whoever finds none lists the tree through the pool, and finds the same', async () => {
  const root = temporaryDirectory('listing')
  mkdirSync(path.join(root, 'in'))
  for (const name of ['one', 'in/two']) writeFileSync(path.join(root, name), name)
  const listings = new Listings(file, () => undefined)
  const { signal } = new AbortController()
  const at = (place: string) =>
    listings.list({ root, base: '', recursive: true, names, leaveOut: [], place }, signal)
  const all = Array.from({ length: 40 }, (_, index) => at(`${index}`))
  expect(all.filter((listing) => listing === null)).toHaveLength(40 - 16)
  expect(at('0')).not.toBeNull()
  const source = sourceSchema.parse({ id: 's', path: root, name: 's' })
  const scope = { oneFileSystem: false, away: () => [] }
  const found = await Promise.all(
    [() => at('0'), () => null].map(async (list) => {
      const rows: string[] = []
      for await (const chunk of listTree({ source, root, scope, list, signal }, 'watching', '', true))
        rows.push(...(JSON.parse(chunk.rows) as unknown[]).map((row) => JSON.stringify(row)))
      return rows.toSorted()
    }),
  )
  expect(found[0]).toHaveLength(2)
  expect(found[1]).toEqual(found[0])
})

describe.skipIf(!canMount)('on a disk that hangs (needs root: mounts)', () => {
  test('a listing ends with its session, and other sources are listed meanwhile', async () => {
    const hung = await mountHung(onTestFinished)
    const { list } = setUp()
    const session = new AbortController()
    const stuck = list(hung.point, '', true, session.signal)
    const root = temporaryDirectory('listing')
    writeFileSync(path.join(root, 'file'), '')
    expect(await list(root)).toEqual(['file'])
    session.abort()
    expect(await stuck).toEqual([])
  })
})
