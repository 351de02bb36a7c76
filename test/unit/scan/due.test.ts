import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openLedger } from '../../../core/ledger/ledger.ts'
import { compareWithLedger, NO_MARKS } from '../../../core/scan/reconcile/ledger-diff.ts'
import { sourceSchema } from '../../../core/settings/schema.ts'
import type { ScannedFile } from '../../../core/walk/scanned-file.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const ADOPTED = 1_000n
const file: ScannedFile = {
  ...{ path: 'a', size: 1, mtimeNs: 2n, ctimeNs: 900n },
  ...{ inode: 3n, device: 4n, mode: 0o100644, bornAtNs: 2n },
}
const marked: ScannedFile = { ...file, mode: 0o100664 }

/** How a file stands that the ledger has as `sent`, or not at all. */
function standing(
  found: ScannedFile,
  sent: ScannedFile | null,
  { kind = 'batch', adopted = ADOPTED }: { kind?: 'batch' | 'continuous'; adopted?: bigint | null } = {},
): string {
  const ledger = openLedger(path.join(temporaryDirectory('due'), 'ledger.sqlite'))
  onTestFinished(() => ledger.close())
  const source = sourceSchema.parse({ id: 's', path: '/s', name: 's', kind })
  if (adopted !== null) ledger.rememberAdopted('s', adopted)
  if (sent !== null) {
    ledger.offer('there', [{ source: 's', ...sent }])
    ledger.markSent(
      ledger.take('there', 's', 1, Date.now(), new Set()).map((one) => ({ ...one, mark: false })),
      1,
    )
  }
  const { due, unproven } = compareWithLedger({ source, ledger, destinations: ['there'] }, [found])
  return due.length > 0 ? 'due' : unproven.length > 0 ? 'unproven' : 'sent'
}

test.each([
  ['an unknown file is due', file, null, 'due'],
  ['an unknown file with the bit from before the adoption is unproven', marked, null, 'unproven'],
  ['an unknown file that got the bit at the adoption is due', { ...marked, ctimeNs: ADOPTED }, null, 'due'],
  ['an unknown file that got the bit later is due', { ...marked, ctimeNs: 2_000n }, null, 'due'],
  ['a sent file is not due', file, file, 'sent'],
  ['a sent and marked file is not due', marked, marked, 'sent'],
  ['a sent file with another size is due', { ...file, size: 9 }, file, 'due'],
  ['a sent file with another time is due', { ...file, mtimeNs: 9n }, file, 'due'],
  ['a sent file with another inode is due', { ...file, inode: 9n }, file, 'due'],
  ['a marked file that has changed is due', { ...marked, size: 9 }, marked, 'due'],
  ['a renamed marked file is not due', { ...marked, path: 'b', ctimeNs: 2_000n }, marked, 'sent'],
  [
    'a renamed marked file that has changed is due',
    { ...marked, path: 'b', size: 9, ctimeNs: 2_000n },
    marked,
    'due',
  ],
  [
    'a new file with the inode, size and time of a removed one is due',
    { ...marked, path: 'b', ctimeNs: 2_000n, bornAtNs: 2_000n },
    marked,
    'due',
  ],
  [
    'a renamed marked file is due if the file system has no birth times',
    { ...marked, path: 'b', ctimeNs: 2_000n, bornAtNs: null },
    marked,
    'due',
  ],
] as const)('group-write bit: %s', (_name, found, sent, expected) => {
  expect(standing(found, sent)).toBe(expected)
})

test('group-write bit: a continuous source ignores the bit', () => {
  expect(standing(marked, null, { kind: 'continuous' })).toBe('due')
})

test('group-write bit: a source on a file system that does not keep the bit ignores it', () => {
  expect(standing(marked, null, { adopted: NO_MARKS })).toBe('due')
})

test('group-write bit: a marked file is unproven if the time of the adoption is unknown', () => {
  expect(standing({ ...marked, ctimeNs: 2_000n }, null, { adopted: null })).toBe('unproven')
})
