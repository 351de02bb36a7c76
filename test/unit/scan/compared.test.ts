import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openLedger } from '../../../core/ledger/ledger.ts'
import { quietTree } from '../../support/scan/quiet-tree.ts'
import { runSource } from '../../support/scan/source.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

/** A source whose listings end when they are told to. */
function slowSource(kind: 'continuous' | 'batch', paused = false) {
  const directory = temporaryDirectory('compared')
  const root = path.join(directory, 'source')
  mkdirSync(path.join(root, 'one'), { recursive: true })
  writeFileSync(path.join(root, 'one', 'file'), '')
  const ledger = openLedger(path.join(directory, 'ledger.sqlite'))
  const waiting: (() => void)[] = []
  const examine = async (paths: readonly string[]) => {
    if (paths.length > 0) await new Promise<void>((resolve) => waiting.push(resolve))
  }
  const openTree = async () => ({ ...quietTree, examine })
  onTestFinished(() => ledger.close())
  const running = runSource({ path: root, kind, paused }, ledger, { openTree })
  const isListing = (name: string) => until(name, () => waiting.length > 0)
  const listAll = () => {
    for (const end of waiting.splice(0)) end()
  }
  return { running, isListing, listAll }
}

test.each(['continuous', 'batch'] as const)(
  'source: a %s source counts as compared with the ledger after its first listing, also during later ones',
  async (kind) => {
    const { running, isListing, listAll } = slowSource(kind)
    await isListing('the first listing')
    expect(running.scanned()).toMatchObject({ phase: 'listing', compared: false })
    listAll()
    await until('it is compared', () => running.scanned().compared === true)
    expect(running.scanned().phase).toBe('watching')
    void running.reconcile()
    await isListing('another listing')
    expect(running.scanned().compared).toBe(true)
    listAll()
  },
)

test('source: a paused source reports the phase paused and no comparison with the ledger', () => {
  expect(slowSource('continuous', true).running.scanned()).toMatchObject({ phase: 'paused', compared: false })
})

test('source: a comparison at request looks for a missing directory first', async () => {
  const directory = temporaryDirectory('compared')
  const root = path.join(directory, 'source')
  const ledger = openLedger(path.join(directory, 'ledger.sqlite'))
  onTestFinished(() => ledger.close())
  const running = runSource({ path: root }, ledger)
  await until('it is missing', () => running.scanned().phase === 'missing')
  mkdirSync(root)
  writeFileSync(path.join(root, 'file'), '')
  expect(await running.reconcile()).toBe(true)
  expect(running.scanned().phase).toBe('watching')
})

test('source: a directory that was replaced or moved away is no longer watched', async () => {
  const directory = temporaryDirectory('compared')
  const root = path.join(directory, 'source')
  const ledger = openLedger(path.join(directory, 'ledger.sqlite'))
  onTestFinished(() => ledger.close())
  mkdirSync(root)
  const watched: string[] = []
  const openTree = async () => {
    const tree = `tree ${watched.length}`
    watched.push(tree)
    return { ...quietTree, close: () => void watched.splice(watched.indexOf(tree), 1, '') }
  }
  const running = runSource({ path: root }, ledger, { openTree })
  await until('it is compared', () => running.scanned().compared)
  renameSync(root, `${root}-before`)
  mkdirSync(root)
  await running.reconcile()
  await until('the other one is watched alone', () => watched.join() === ',tree 1')
  renameSync(root, `${root}-after`)
  await running.reconcile()
  await until('nothing is watched', () => watched.join() === ',')
})
