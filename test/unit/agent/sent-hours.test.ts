import { expect, it } from 'vitest'
import { SentHours } from '../../../core/agent/parts/report/sent-hours.ts'
import type { SourceState } from '../../../core/agent/state/schema.ts'
import type { StateStore } from '../../../core/agent/state/state-store.ts'
import { noTotals } from '../../../core/ledger/ledger-messages.ts'
import { NOW, well } from '../../support/agent/status.ts'

const HOUR = 3_600_000

it('sent hours: files are counted in the hour in which they were sent, and files from before the start in none', () => {
  const state = { sources: [] as SourceState[] }
  const hours = new SentHours({ store: { state } as StateStore })
  const tick = (sources: SourceState[], at: number) => {
    state.sources = sources
    hours.tick(at)
  }
  const note = (sentFiles: number, at: number) => tick([{ ...well, totals: { ...noTotals, sentFiles } }], at)
  note(100, NOW)
  note(103, NOW + 1_000)
  // A new destination has none of them yet.
  note(0, NOW + 2_000)
  note(5, NOW + HOUR)
  expect(hours.read(NOW + HOUR).a).toEqual([...Array(22).fill(0), 3, 5])
  expect(hours.read(NOW + 24 * HOUR).a).toEqual([5, ...Array(23).fill(0)])
  const unheard = { ...well, destinations: well.destinations.map((one) => ({ ...one, reported: false })) }
  tick([{ ...unheard, totals: noTotals }], NOW + HOUR)
  note(6, NOW + 2 * HOUR)
  expect(hours.read(NOW + 2 * HOUR).a?.at(-1)).toBe(1)
  tick([], NOW + 2 * HOUR)
  expect(hours.read(NOW + 2 * HOUR)).toEqual({})
})
