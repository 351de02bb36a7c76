import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { storeLayout } from '../../../core/receive/layout.ts'
import { openPruning } from '../../../core/receive/store/pruning.ts'
import { DEFAULT_KEEP } from '../../../core/receive/versions/choose.ts'
import { versionName } from '../../../core/receive/versions/name.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

/** Throws for what the disk of the test does not do. */
const disk = vi.hoisted(() => ({
  asked: (_call: 'opendir' | 'rm' | 'record', _path: string): void => undefined,
}))
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>()
  const asking = (call: 'opendir' | 'rm') => async (file: string, options: object) => {
    disk.asked(call, file)
    return real[call](file, options)
  }
  return { ...real, opendir: asking('opendir'), rm: asking('rm') }
})
beforeEach(() => {
  disk.asked = () => undefined
})

const stamps = Array.from({ length: 40 }, (_, index) => versionName(new Date(Date.UTC(2026, 0, 1 + index))))

function open() {
  const layout = storeLayout(temporaryDirectory('pruning'))
  const alone = <T>(_: readonly string[], work: () => Promise<T>) => work()
  const logged: string[] = []
  const record = async () => disk.asked('record', '')
  const host = { alone, record, log: (text: string) => void logged.push(text) }
  const pruning = openPruning(layout, DEFAULT_KEEP, host)
  onTestFinished(() => pruning.close())
  const write = (...place: string[]) => {
    const file = path.join(layout.root, ...place)
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, 'x')
  }
  const versions = (...place: string[]) => path.join(layout.root, ...layout.versions, ...place)
  return { pruning, logged, write, versions, own: layout.versions }
}

test('a sender’s directories that are called as versions are, are none', async () => {
  const { pruning, write, versions, own } = open()
  for (const below of [[], ['runs']]) {
    for (const stamp of stamps) {
      write('pc', 'data', ...below, stamp, 'result')
      write(...own, 'pc', 'data', ...below, stamp, 'result', stamps[0] ?? '')
    }
  }
  await pruning.sweep()
  for (const stamp of stamps)
    expect(existsSync(versions('pc', 'data', 'runs', stamp, 'result', stamps[0] ?? ''))).toBe(true)
  expect(readdirSync(versions('pc', 'data'))).toHaveLength(stamps.length + 1)
})

test('directories that a file has taken the place of are versions: the oldest go', async () => {
  const { pruning, write, versions, own } = open()
  write('pc', 'data', 'x')
  for (const stamp of stamps) write(...own, 'pc', 'data', 'x', stamp, 'deep', 'file')
  await pruning.sweep()
  expect(readdirSync(versions('pc', 'data', 'x')).sort()).toEqual(stamps.slice(-32))
})

test.each([
  ['a directory that cannot be listed', 'opendir', 40],
  ['a version that cannot be removed', 'rm', 33],
  ['a manifest that takes no note', 'record', 40],
] as const)('%s keeps no other place from its turn', async (_what, failing, left) => {
  const { pruning, logged, write, versions, own } = open()
  const names = ['a', 'b', 'c', 'd', 'e']
  for (const name of names) for (const stamp of stamps) write(...own, 'pc', 'data', name, 'x', stamp)
  // Whichever comes first.
  let failed = false
  disk.asked = (call, file) => {
    if (failed || call !== failing) return
    if (call === 'opendir' && path.dirname(file) !== versions('pc', 'data')) return
    failed = true
    throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })
  }
  await pruning.sweep()
  const counts = names.map((name) => readdirSync(versions('pc', 'data', name, 'x')).length)
  expect(counts.sort()).toEqual([32, 32, 32, 32, left])
  expect(logged).toEqual(['older versions cannot be removed: Error: EIO: i/o error'])
})
