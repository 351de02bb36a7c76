import { expect, onTestFinished, test, vi } from 'vitest'
import type { Ledger } from '../../../core/ledger/ledger.ts'
import { openDeletions } from '../../../core/scan/reconcile/recent-deletions.ts'

test('deleted files: the report lasts until all are back, and ends an hour after the last of a few', async () => {
  vi.useFakeTimers({ now: 0 })
  onTestFinished(() => void vi.useRealTimers())
  let known: ReturnType<Ledger['deletion']>
  const gone = new Map<number, number>()
  const ledger = {
    correctRenamed: () => 0,
    countDeleted: (_there: string, _source: string, from: number) =>
      [...gone].reduce((sum, [at, files]) => sum + (at >= from ? files : 0), 0),
    totals: () => ({ s: { sentFiles: 20 } }),
    deletion: () => known,
    rememberDeletion: (_source: string, next: typeof known) => {
      known = next
    },
  } as unknown as Ledger
  const deletions = openDeletions({
    ...{ source: { id: 's', kind: 'continuous' as const }, ledger, destinations: ['there'], quietSeconds: 1 },
    ...{
      isWatched: () => true,
      changed: () => undefined,
      offered: () => undefined,
      failed: (error) => expect.fail(String(error)),
    },
  })
  onTestFinished(() => deletions.stop())
  const deleteFiles = async (at: number, files: number) => {
    gone.set(at, files)
    deletions.noticed()
    await vi.advanceTimersByTimeAsync(2_000)
    return deletions.current
  }
  expect(await deleteFiles(0, 3)).toEqual({ since: null, files: 3, known: 23 })
  await vi.advanceTimersByTimeAsync(65 * 60_000)
  expect(deletions.current).toBeNull()
  expect(await deleteFiles(Date.now(), 40)).toMatchObject({ since: Date.now(), files: 40, known: 60 })
  const [[last = 0] = []] = [...gone].slice(-1)
  expect(await deleteFiles(last, 4)).toMatchObject({ since: last + 2_000, files: 4, known: 60 })
  await vi.advanceTimersByTimeAsync(65 * 60_000)
  expect(deletions.current?.files).toBe(4)
  expect(deletions.returned).toBe(false)
  const returnFiles = async (files: number) => {
    gone.set(last, files)
    deletions.mayHaveReturned()
    await vi.advanceTimersByTimeAsync(500)
    return deletions.current?.files
  }
  expect(await returnFiles(3)).toBe(3)
  expect(await returnFiles(5)).toBe(3)
  expect(await returnFiles(0)).toBeUndefined()
  expect(deletions.returned).toBe(true)
  expect(await deleteFiles(Date.now(), 40)).toMatchObject({ files: 40 })
  expect(deletions.returned).toBe(false)
  deletions.accept()
  expect(deletions.current).toBeNull()
  expect(deletions.returned).toBe(false)
})
