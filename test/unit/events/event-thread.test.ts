import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { EventLog } from '../../../core/events/event-log.ts'
import { watchEvents } from '../../../core/events/event-thread.ts'
import { workerScript } from '../../support/cli/command-script.ts'
import { open } from '../../support/store/ledger.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

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
