import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { storeLayout } from '../../../core/receive/layout.ts'
import { openPruning } from '../../../core/receive/store/pruning.ts'
import { DEFAULT_KEEP } from '../../../core/receive/versions/choose.ts'
import { versionName } from '../../../core/receive/versions/name.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const stamps = Array.from({ length: 40 }, (_, index) => versionName(new Date(Date.UTC(2026, 0, 1 + index))))

function open() {
  const layout = storeLayout(temporaryDirectory('pruning'))
  const alone = <T>(_: readonly string[], work: () => Promise<T>) => work()
  const host = { alone, record: async () => undefined, log: () => undefined }
  const pruning = openPruning(layout, DEFAULT_KEEP, host)
  onTestFinished(() => pruning.close())
  const write = (...place: string[]) => {
    const file = path.join(layout.root, ...place)
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, 'x')
  }
  const versions = (...place: string[]) => path.join(layout.root, ...layout.versions, ...place)
  return { pruning, write, versions, own: layout.versions }
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
