import { expect, test } from 'vitest'
import { fillRoutes, forgetAll, retryUntilDone, unparkAll } from '../../../core/ledger/background-jobs.ts'
import type { Ledger } from '../../../core/ledger/ledger.ts'
import { file, open } from '../../support/store/ledger.ts'

const options = { longestMs: 20, signal: new AbortController().signal }

test('background jobs: a new destination gets all files, even if the ledger fails twice meanwhile', async () => {
  const { ledger } = open()
  ledger.offer(
    'old',
    Array.from({ length: 2_500 }, (_, index) => file(`f${index}`)),
  )
  let calls = 0
  const failing: Ledger = {
    ...ledger,
    requeue: (...words) => {
      calls += 1
      if (calls === 2 || calls === 3) throw new Error('database or disk is full')
      return ledger.requeue(...words)
    },
  }
  const failures: unknown[] = []
  const way = { source: 's', to: 'new', others: ['old'], marks: false }
  await retryUntilDone(
    () =>
      fillRoutes(
        failing,
        [way],
        () => true,
        () => undefined,
      ),
    { ...options, isWanted: () => true, failed: (error) => void failures.push(error) },
  )
  expect(ledger.totals('new').s?.waitingFiles).toBe(2_500)
  expect(ledger.filled('s')).toContain('new')
  expect(failures).toHaveLength(2)
})

test('background jobs: a job that is no longer wanted is not retried', async () => {
  let attempts = 0
  const work = async () => {
    attempts += 1
    throw new Error('closed')
  }
  await retryUntilDone(work, { ...options, isWanted: () => attempts < 2, failed: () => undefined })
  expect(attempts).toBe(2)
})

test('background jobs: a source is forgotten in steps, until it is wanted again', async () => {
  const { ledger } = open()
  const files = Array.from({ length: 2_500 }, (_, index) => file(`f${index}`))
  ledger.offer('d', files)
  let asked = 0
  await forgetAll(ledger, 's', () => {
    asked += 1
    return asked < 2
  })
  const left = ledger.totals('d').s?.waitingFiles ?? 0
  expect([left > 0, left < 2_500]).toEqual([true, true])
  await forgetAll(ledger, 's', () => true)
  expect(ledger.totals('d')).toEqual({})
})

test('background jobs: all parked files are put back, however many there are', async () => {
  const limits: number[] = []
  const unpark: Ledger['unpark'] = (_destination, _source, limit) => {
    limits.push(limit)
    return limits.length < 3 ? limit : 5
  }
  const files = await unparkAll({ unpark }, 'd', null)
  expect([limits.length, files]).toEqual([3, 2 * (limits[0] ?? 0) + 5])
})
