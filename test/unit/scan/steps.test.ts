import { expect, test } from 'vitest'
import { listed, newDirectoryState, nextStep } from '../../../core/scan/batch/steps.ts'

test('a closed directory in which something is held open is listed again, though no event says that it is gone', () => {
  const facts = { unsent: 0, quietMs: 1_000 }
  const state = listed(
    { ...newDirectoryState, watching: true },
    { closing: true, afterClose: true, allSent: true, found: 1, startedAt: 5_000 },
    true,
  )
  const wait = nextStep(state, { ...facts, now: 5_001 })
  if (wait.step !== 'settle') throw new Error(`it does ${wait.step}`)
  expect(wait.until).toBeLessThanOrEqual(5_000 + 60_000)
  expect(nextStep(state, { ...facts, now: wait.until })).toEqual({ step: 'list' })
  // What waits for the receiver needs no look: its answer is an event.
  expect(nextStep(state, { ...facts, unsent: 1, now: wait.until })).toEqual({ step: 'rest' })
  const empty = listed(
    state,
    { closing: true, afterClose: true, allSent: true, found: 0, startedAt: 40_000 },
    true,
  )
  expect(nextStep(empty, { ...facts, now: 40_001 })).toEqual({ step: 'mark' })
})
