import { expect, it } from 'vitest'
import { destinationStates, initialState } from '../../../core/agent/state/initial.ts'
import { withSent, withSettings } from '../../../core/agent/state/reports.ts'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { EMBEDDED_DESTINATION } from '../../../core/settings/destinations.ts'
import { defaultSettings } from '../../../core/settings/schema.ts'

it('remembers over other settings that a sender has reported', () => {
  const before = initialState('desktop', '1', defaultSettings, '/store')
  const report = {
    fingerprint: null,
    connection: { state: 'connected' as const, since: 1, problem: null },
    totals: {},
    lastFile: {},
    transfers: [],
    rates: {},
    left: {},
    leftOfAll: null,
    allowance: { now: { kind: 'free' as const }, until: null },
  }
  const heard: AppState = { ...before, ...withSent(before, EMBEDDED_DESTINATION, report, null) }
  expect(before.destinations[0]?.reported).not.toBe(true)
  expect(heard.destinations[0]?.reported).toBe(true)
  const after = withSettings(heard, defaultSettings, new Map(), destinationStates(defaultSettings, '/store'))
  expect(after.destinations?.[0]?.reported).toBe(true)
})
