import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { BEGINNING } from '../../../core/events/cloud-event.ts'
import { EventLog } from '../../../core/events/event-log.ts'
import { watchEvents } from '../../../core/events/event-thread.ts'
import { workerScript } from '../../support/cli/command-script.ts'
import { open } from '../../support/store/ledger.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

test('event files: readers work without being woken if the system gives no watch', () => {
  const missing = path.join(temporaryDirectory('events'), 'missing')
  expect(() => watchEvents(missing, () => undefined)()).not.toThrow()
})

test('event log: the place of a sink is kept until it is forgotten', async () => {
  const { directory } = open()
  const log = new EventLog(workerScript('event-thread'), directory, () => undefined)
  onTestFinished(async () => void (await log.stop()))
  const place = { cursor: '3', attempted: '4' }
  expect(await log.progress('hook')).toBeNull()
  for (const sink of ['hook', 'other']) await log.saveProgress(sink, place)
  await log.saveProgress('hook', null)
  expect([await log.progress('hook'), await log.progress('other')]).toEqual([null, place])
})

test('event log: a reader waits for the next event, and ends with its signal', async () => {
  const { directory, ledger } = open()
  const log = new EventLog(workerScript('event-thread'), directory, () => undefined)
  onTestFinished(async () => void (await log.stop()))
  const ending = new AbortController()
  const all = { types: null, sources: null }
  const { cursor } = await log.read(BEGINNING, all)
  expect((await log.next(cursor, all, 10, ending.signal, 0)).events).toEqual([])
  const next = log.next(cursor, all, 10, ending.signal)
  ledger.recordRestored('d', '/a', Date.now())
  const page = await next
  expect(page.events).toMatchObject([{ row: { path: '/a' } }])
  const none = log.next(page.cursor, all, 10, ending.signal)
  ending.abort()
  await expect(none).rejects.toMatchObject({ name: 'AbortError' })
  await expect(log.next(BEGINNING, all, 10, ending.signal)).rejects.toMatchObject({ name: 'AbortError' })
})

test('event log: old events are removed, and the log without a ledger is empty', async () => {
  const { directory, ledger } = open()
  const log = new EventLog(workerScript('event-thread'), directory, () => undefined)
  onTestFinished(async () => void (await log.stop()))
  const all = { types: null, sources: null }
  const list = async () =>
    (await log.read(BEGINNING, all)).events.flatMap((one) => (one.log === 'ledger' ? [one.row.path] : []))
  for (const name of ['/a', '/b', '/c', '/d']) ledger.recordRestored('d', name, Date.now())
  void log.pruneRegularly(0, () => ({ keepDays: 1, keepRows: 2 }))
  await until('the oldest are gone', async () => (await list())[0] !== '/a')
  // The thread that removes them opens the ledger, which is the newest row.
  expect(await list()).toEqual(['/d'])
  const none = new EventLog(workerScript('event-thread'), temporaryDirectory('events'), () => undefined)
  onTestFinished(async () => void (await none.stop()))
  expect(await none.progress('hook')).toBeNull()
  expect((await none.read(BEGINNING, all)).events).toEqual([])
})
