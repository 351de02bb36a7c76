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
  ['an unknown file', file, null, 'due'],
  ['an unknown file with the bit from before the adoption', marked, null, 'unproven'],
  ['an unknown file that got the bit at the adoption', { ...marked, ctimeNs: ADOPTED }, null, 'due'],
  ['an unknown file that got the bit later', { ...marked, ctimeNs: 2_000n }, null, 'due'],
  ['a sent file', file, file, 'sent'],
  ['a sent and marked file', marked, marked, 'sent'],
  ['a sent file of another size', { ...file, size: 9 }, file, 'due'],
  ['a sent file of another time', { ...file, mtimeNs: 9n }, file, 'due'],
  ['a sent file with another inode', { ...file, inode: 9n }, file, 'due'],
  ['a marked file that has changed', { ...marked, size: 9 }, marked, 'due'],
  ['a marked file with a new name', { ...marked, path: 'b', ctimeNs: 2_000n }, marked, 'sent'],
  [
    'a marked file with a new name that has changed',
    { ...marked, path: 'b', size: 9, ctimeNs: 2_000n },
    marked,
    'due',
  ],
  [
    'another file with the inode, size and time of one that was removed',
    { ...marked, path: 'b', ctimeNs: 2_000n, bornAtNs: 2_000n },
    marked,
    'due',
  ],
  [
    'a new name where the file system does not say when a file was made',
    { ...marked, path: 'b', ctimeNs: 2_000n, bornAtNs: null },
    marked,
    'due',
  ],
] as const)('the group-write bit: %s is judged by the ledger', (_name, found, sent, expected) => {
  expect(standing(found, sent)).toBe(expected)
})

test('the group-write bit: it counts for nothing in a continuous source', () => {
  expect(standing(marked, null, { kind: 'continuous' })).toBe('due')
})

test('the group-write bit: it counts for nothing where the file system keeps none', () => {
  expect(standing(marked, null, { adopted: NO_MARKS })).toBe('due')
})

test('the group-write bit: it is asked about where nobody knows when the source was first seen', () => {
  expect(standing({ ...marked, ctimeNs: 2_000n }, null, { adopted: null })).toBe('unproven')
})
