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

test('held source: a new file is taken at once while 12,000 changed ones are held', () => {
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
  ledger.offer('nas', [buildFile('new', 3_000)])
  const began = performance.now()
  expect(take().map((one) => one.path)).toEqual(['new'])
  // A take that walks all rows of a million held files would block the sender.
  expect(performance.now() - began).toBeLessThan(500)
  ledger.releaseHold('runs')
  expect(take()).toHaveLength(FILES)
})
