import { expect, test } from 'vitest'
import type { LedgerEntry } from '../../../core/ledger/ledger.ts'
import { isDue } from '../../../core/scan/compare/standing.ts'
import type { ScannedFile } from '../../../core/scan/tree/facts.ts'

const file: ScannedFile = {
  ...{ path: 'a', size: 1, mtimeNs: 2n, ctimeNs: 2n },
  ...{ inode: 3n, device: 4n, mode: 0o100644 },
}
const marked: ScannedFile = { ...file, mode: 0o100664 }
const same: LedgerEntry = { state: 'sent', size: 1, mtimeNs: 2n, inode: 3n, reason: null }

test.each([
  ['unknown', file, null, false, true],
  ['unknown, in a batch source', file, null, true, true],
  ['unknown, group-write, in a batch source: transferred by another program', marked, null, true, false],
  ['unknown, group-write, in a continuous source', marked, null, false, true],
  ['known', file, same, true, false],
  ['known and waiting', file, { ...same, state: 'waiting' as const }, false, false],
  ['known and parked', file, { ...same, state: 'parked' as const }, false, false],
  ['another size', file, { ...same, size: 9 }, false, true],
  ['another time', file, { ...same, mtimeNs: 9n }, false, true],
  ['another inode', file, { ...same, inode: 9n }, false, true],
  ['changed after it was sent and marked', marked, { ...same, size: 9 }, true, true],
  ['sent and marked', marked, same, true, false],
])('%s', (_name, facts, known, marksFiles, due) => {
  expect(isDue(facts, known, marksFiles)).toBe(due)
})
