import { statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openMarks } from '../../../core/send/marks/marks.ts'
import { file, open } from '../../support/store/ledger.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

test('group-write marks: 600 files that cannot be marked do not block another one, and are logged < 30 times', async () => {
  const root = temporaryDirectory('marks')
  const { ledger } = open()
  const well = path.join(root, 'well')
  writeFileSync(well, 'x', { mode: 0o644 })
  const stats = statSync(well, { bigint: true })
  const { mtimeNs, ctimeNs, ino: inode, dev: device } = stats
  const facts = { size: 1, mtimeNs, ctimeNs, inode, device }
  // The system refuses to open names of 300 bytes, without saying that nothing is there.
  const refused = Array.from({ length: 600 }, (_, index) => file(`${'x'.repeat(300)}${index}`))
  ledger.offer('d', [...refused, { ...file('well'), ...facts }])
  const waiting = ledger.take('d', 's', 1_000, Date.now(), new Set())
  ledger.markSent(
    waiting.map((claim) => ({ ...claim, mark: true, digest: Buffer.alloc(32) })),
    1_000,
  )
  const said: string[] = []
  const marks = openMarks('d', ledger, { onMarked: () => undefined, log: (_, text) => void said.push(text) })
  onTestFinished(() => marks.stop())
  marks.look({ id: 's', path: root })
  await until('the mark', () => (statSync(well).mode & 0o020) !== 0, 5_000)
  expect(said.length).toBeGreaterThan(0)
  expect(said.length).toBeLessThan(30)
  // The others are owed theirs still.
  await until('the ledger to know', () => ledger.dueMarks('d', 's', 1_000).length === refused.length)
})
