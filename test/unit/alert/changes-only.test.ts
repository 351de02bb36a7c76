import { expect, test } from 'vitest'
import type { Observation } from '../../../core/alert/alerts.ts'
import { changesOnly } from '../../../core/alert/changes-only.ts'
import { message } from '../../../core/words/message.ts'

test('a failure that is to be told sooner is passed on again, one that stays as it is is not', () => {
  const passed: number[] = []
  const changes = changesOnly({
    observe: ({ tellAfterMs }) => passed.push(tellAfterMs),
    incidents: () => [],
  })
  const away = (tellAfterMs: number): Observation => ({
    ...{ id: 'destination:nas', path: 'nas', group: 'nas', isOwn: true, source: null, step: null },
    ...{ kind: 'unreachable', sentence: message('condition.unreachable', { name: 'nas' }), since: 1 },
    tellAfterMs,
  })
  for (const ms of [300_000, 300_000, 25_000, 25_000]) changes.observe([away(ms)])
  expect(passed).toEqual([300_000, 25_000])
})
