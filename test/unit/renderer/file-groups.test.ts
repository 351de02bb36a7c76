import { expect, test } from 'vitest'
import { groupFiles } from '../../../renderer/features/transfers/file-groups.ts'
import type { LedgerFile } from '../../../renderer/state/types.ts'

const file = (path: string, changes: Partial<LedgerFile> = {}): LedgerFile => ({
  id: 1,
  source: 's',
  destination: 'd',
  path,
  size: 1_000,
  modifiedAt: null,
  state: 'sent',
  attempts: 1,
  sentAt: 1_000_000,
  removedAt: null,
  reason: null,
  ...changes,
})
/** Directories of groups with their sizes, names of single files. */
const describeGroups = (files: LedgerFile[]) =>
  groupFiles(files).map((one) =>
    'files' in one ? `${one.files.length} in ${one.directory}, ${one.bytes}` : one.path,
  )

test('small files of a directory that were sent together are one row, in their place', () => {
  const some = ['a', 'b', 'c'].map((name) => file(`2026/${name}`))
  expect(describeGroups([file('x'), ...some, file('y')])).toEqual(['x', '3 in 2026, 3000', 'y'])
})

test.each([
  ['two', [file('2026/a'), file('2026/b')]],
  ['large ones', ['a', 'b', 'c'].map((name) => file(name, { size: 2 ** 20 }))],
  ['those that wait', ['a', 'b', 'c'].map((name) => file(name, { state: 'waiting' }))],
  ['those of another time', ['a', 'b', 'c'].map((name, index) => file(name, { sentAt: index * 61_000 }))],
  ['those of other directories', ['1/a', '2/b', '3/c'].map((name) => file(name))],
  ['those of other destinations', ['a', 'b', 'c'].map((name) => file(name, { destination: name }))],
])('%s stay as they are', (_what, files) => {
  expect(describeGroups(files)).toEqual(files.map(({ path }) => path))
})
