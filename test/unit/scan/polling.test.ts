import { mkdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { englishWords } from '../../../core/lib/i18n/words.ts'
import { openPolling, PartPolling } from '../../../core/watch/polling.ts'
import type { TreeListener } from '../../../core/watch/tree-watcher.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const names = { ignore: [], marks: [] }

test('polling: a tree is compared again and again until its directory is gone', async () => {
  const root = path.join(temporaryDirectory('polling'), 'in')
  mkdirSync(root)
  const lost: string[] = []
  const ended: unknown[] = []
  const listener: Partial<TreeListener> = {
    lost: async (base) => void lost.push(base),
    ended: (error) => ended.push(error),
  }
  const watcher = await openPolling({ root, base: '', names }, listener as TreeListener, { quietMs: 1 })
  onTestFinished(() => watcher.close())
  await until('two comparisons', () => lost.length > 1)
  rmSync(root, { recursive: true })
  await until('the end', () => ended.length > 0)
  expect(ended).toMatchObject([{ code: 'ENOENT' }])
  expect(new Set(lost)).toEqual(new Set(['']))
})

test('polling: a closed tree is not examined any more', async () => {
  const root = temporaryDirectory('polling')
  const problems: string[] = []
  const listener: Partial<TreeListener> = { problem: ({ key }) => problems.push(key) }
  const watcher = await openPolling({ root, base: '', names }, listener as TreeListener, { quietMs: 1_000 })
  const unreadable = 'x'.repeat(300)
  await watcher.examine([unreadable])
  watcher.close()
  await watcher.examine([unreadable])
  expect(problems).toEqual(['scan.fileUnreadable'])
})

/** A polling of directories without a watch whose comparisons the test ends. */
function openParts(comparesFirstLevel = false) {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const compared: string[] = []
  const ends: (() => void)[] = []
  const problems: string[] = []
  const solved: string[] = []
  const parts = new PartPolling(
    { root: '/data', base: 'in', names, comparesFirstLevel },
    {
      lost: (base) => {
        compared.push(base)
        return new Promise<void>((resolve) => ends.push(resolve))
      },
      problem: (sentence) => problems.push(englishWords(sentence)),
      solved: (sentence) => solved.push(englishWords(sentence)),
    },
    1,
  )
  onTestFinished(() => parts.close())
  /** Ends so many comparisons. */
  const end = async (count: number) => {
    for (let one = 0; one < count; one += 1) {
      await vi.advanceTimersByTimeAsync(1_000)
      ends.shift()?.()
    }
    await vi.advanceTimersByTimeAsync(1_000)
  }
  return { parts, compared, problems, solved, end }
}

test('directories without a watch: each is compared once with all below it, one after the other', async () => {
  const { parts, compared, end } = openParts()
  parts.changed(['a/b', 'a/b/c/d', 'ab'])
  parts.changed(['a/b/c', 'x/y/z', 'x/y'])
  await end(0)
  expect(compared).toEqual(['a/b'])
  await end(1)
  expect(compared).toEqual(['a/b', 'ab'])
  // A change during a comparison is compared after it.
  parts.changed(['late', 'a/b'])
  // The pause is longer than the comparisons before it.
  await end(30)
  expect(compared).toEqual(['a/b', 'ab', 'x/y', 'late', 'a/b'])
})

test('directories without a watch: in a batch source the whole batch directory is compared', async () => {
  const { parts, compared, end } = openParts(true)
  parts.changed(['run-1/a', 'run-1/a/b', 'run-2'])
  await end(9)
  expect(compared).toEqual(['run-1', 'run-2'])
})

test('directories without a watch: after the end no further one is compared', async () => {
  const { parts, compared, end } = openParts()
  parts.changed(['a', 'b'])
  await end(0)
  parts.close()
  await end(1)
  parts.changed(['c'])
  await end(1)
  expect(compared).toEqual(['a'])
})

test('directories without a watch: their number stays a problem until there are none', async () => {
  const { parts, problems, solved, end } = openParts()
  parts.set(3)
  await end(0)
  expect(problems.length).toBeGreaterThan(1)
  expect(new Set(problems)).toEqual(new Set([expect.stringContaining('/data/in')]))
  const before = problems.length
  parts.set(0)
  await end(2)
  expect(solved).toHaveLength(1)
  expect(problems).toHaveLength(before)
  parts.set(1)
  parts.close()
  await end(2)
  expect(problems).toHaveLength(before + 1)
})
