import path from 'node:path'
import { expect, test } from 'vitest'
import { watchEvents } from '../../../core/events/event-thread.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

test('event files: readers work without being woken if the system gives no watch', () => {
  const missing = path.join(temporaryDirectory('events'), 'missing')
  expect(() => watchEvents(missing, () => undefined)()).not.toThrow()
})
