import { rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { toScannedFile } from '../../../core/walk/scanned-file.ts'
import { QuietPeriod } from '../../../core/watch/polling.ts'
import type { OpenFiles } from '../../../core/watch/tree-watcher.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

test('quiet period: a file that a program has open is reported, and finished once it is closed', async () => {
  const root = temporaryDirectory('quiet')
  for (const name of ['a', 'b', 'c']) writeFileSync(path.join(root, name), name)
  const finished: string[] = []
  const reported: OpenFiles[] = []
  const listener = {
    finished: (files: { path: string }[]) => void finished.push(...files.map((one) => one.path)),
    lost: async () => undefined,
    mark: () => undefined,
    problem: () => undefined,
    writing: (_: string, open: OpenFiles) => void reported.push(open),
  }
  const open = new Set(['a', 'b'])
  const quiet = new QuietPeriod(
    { root, base: '', names: { ignore: [], marks: [] } },
    listener,
    20,
    async (file) => open.has(file),
  )
  onTestFinished(() => quiet.close())
  for (const name of ['a', 'b', 'c'])
    quiet.observe(toScannedFile(name, statSync(path.join(root, name), { bigint: true })))
  await until('they are reported', () => reported.at(-1)?.files === 2)
  await until('the one that no program has open is finished', () => finished.length > 0)
  expect([reported.at(-1), finished]).toMatchObject([{ path: 'a' }, ['c']])
  open.delete('a')
  await until('the first one is finished', () => finished.includes('a'))
  await until('the other one is left', () => reported.at(-1)?.path === 'b')
  rmSync(path.join(root, 'b'))
  await until('none is left', () => reported.at(-1)?.files === 0)
  expect(finished).toEqual(['c', 'a'])
})
