import { expect, test } from 'vitest'
import type { QueuedFile } from '../../../core/ledger/ledger.ts'
import { createTransfers } from '../../../core/send/queue/dispatcher.ts'

const due = (id: number, size: number): QueuedFile => ({
  ...{
    id,
    generation: 1,
    source: 's',
    path: `${id}`,
    size,
    attempts: 0,
    digest: null,
    isTrusted: false,
    storedNs: 0n,
  },
  ...{ mtimeNs: 1n, ctimeNs: 1n, inode: 1n, device: 1n },
})

test('transfer list: large files in transfer come first, and files that only wait for their answer last', () => {
  const transfers = createTransfers()
  for (const [id, size] of Object.entries([2e6, 10, 4e6, 3e6])) transfers.begin(due(Number(id), size))
  transfers.add(due(0, 2e6), 2e6)
  transfers.add(due(2, 4e6), 1e6)
  const listed = (limit: number) => transfers.list(limit).map(({ id, sentBytes }) => [id, sentBytes])
  expect(listed(10)).toEqual([
    [2, 1e6],
    [3, 0],
    [1, 0],
    [0, 2e6],
  ])
  expect(listed(2)).toEqual([
    [2, 1e6],
    [3, 0],
  ])
})
