import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openLedger } from '../../../core/ledger/ledger.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const FILES = 12_000
const NOW = 1_000_000
const buildFile = (path: string, mtimeMs: number) => ({
  source: 'runs',
  path,
  size: 5,
  mtimeNs: BigInt(mtimeMs) * 1_000_000n,
  ctimeNs: 8n,
  inode: 9n,
  device: 1n,
})

test('held source: a new file is taken without a search of all 12,000 changed ones that are held', () => {
  const ledger = openLedger(path.join(temporaryDirectory('ledger-held'), 'ledger.db'))
  onTestFinished(() => ledger.close())
  const files = (mtimeMs: number) =>
    Array.from({ length: FILES }, (_, index) => buildFile(`run-${index}`, mtimeMs))
  const take = () => ledger.take('nas', 'runs', FILES, NOW, new Set())
  ledger.offer('nas', files(1_000))
  ledger.markSent(
    take().map(({ id, generation }) => ({ id, generation, mark: false })),
    NOW,
  )
  ledger.hold('runs', { since: 0, lost: FILES, changed: 0, known: FILES })
  ledger.offer('nas', files(2_000))
  expect(take()).toEqual([])
  ledger.offer('nas', [buildFile('new', 3_000), buildFile('behind them all', 1_000)])
  // A take that walks all rows of a million held files would block the sender: it also finds the older one.
  expect(take().map((one) => one.path)).toEqual(['new'])
  ledger.releaseHold('runs')
  expect(take()).toHaveLength(FILES)
})
