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

test('file groups: three small files of one directory sent together become one row in their place', () => {
  const some = ['a', 'b', 'c'].map((name) => file(`2026/${name}`))
  expect(describeGroups([file('x'), ...some, file('y')])).toEqual(['x', '3 in 2026, 3000', 'y'])
})

test.each([
  ['two files', [file('2026/a'), file('2026/b')]],
  ['large files', ['a', 'b', 'c'].map((name) => file(name, { size: 2 ** 20 }))],
  ['a deleted file among others', [file('a'), file('b', { isDeleted: true }), file('c')]],
  ['waiting files', ['a', 'b', 'c'].map((name) => file(name, { state: 'waiting' }))],
  ['files sent a minute apart', ['a', 'b', 'c'].map((name, index) => file(name, { sentAt: index * 61_000 }))],
  ['files of different directories', ['1/a', '2/b', '3/c'].map((name) => file(name))],
  ['files of different destinations', ['a', 'b', 'c'].map((name) => file(name, { destination: name }))],
])('file groups: %s are not grouped', (_what, files) => {
  expect(describeGroups(files)).toEqual(files.map(({ path }) => path))
})
