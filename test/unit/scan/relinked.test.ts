import { mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openLedger } from '../../../core/ledger/ledger.ts'
import { quietTree } from '../../support/scan/quiet-tree.ts'
import { runSource } from '../../support/scan/source.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

test('source: is opened again where a link in its path leads to the same directory under another name', async () => {
  const base = temporaryDirectory('relinked')
  const [first, second, link] = ['one', 'two', 'current'].map((name) => path.join(base, name)) as [
    string,
    string,
    string,
  ]
  mkdirSync(path.join(first, 'files'), { recursive: true })
  symlinkSync(first, link)
  const ledger = openLedger(path.join(temporaryDirectory('ledger'), 'ledger.sqlite'))
  onTestFinished(() => ledger.close())
  const roots: string[] = []
  const running = runSource({ path: path.join(link, 'files') }, ledger, {
    openTree: async ({ root }) => {
      roots.push(root)
      return quietTree
    },
  })
  await until('it to be watched', () => running.scanned().phase === 'watching')
  renameSync(first, second)
  rmSync(link)
  symlinkSync(second, link)
  await running.reconcile()
  await until('it to be opened again', () => roots.length === 2)
  expect(roots).toEqual([path.join(first, 'files'), path.join(second, 'files')])
})
