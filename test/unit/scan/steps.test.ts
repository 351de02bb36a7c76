import { expect, test } from 'vitest'
import { listed, looked, newDirectoryState, nextStep, refused } from '../../../core/scan/batch/steps.ts'

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

const QUIET = { unsent: 0, quietMs: 1_000 }
const clean = { closing: true, afterClose: false, allSent: true, found: 0 }

/** Overtaken, closed by nobody, and found at rest by two listings that are the quiet period apart. */
function calmFor(startedAt: number) {
  const first = listed({ ...newDirectoryState, watching: true }, { ...clean, startedAt }, false)
  return listed(first, { ...clean, startedAt: startedAt + 1_000 }, false)
}

test('a directory that nobody closed is marked when two listings, the quiet period apart, have found it at rest', () => {
  expect(nextStep(calmFor(5_000), { ...QUIET, now: 6_001 })).toEqual({ step: 'mark' })
})

test.each([
  ['whose mark was refused', refused(calmFor(5_000), 30_000)],
  [
    'that was live again',
    looked(looked(calmFor(5_000), { closed: false, newest: true }), { closed: false, newest: false }),
  ],
])('one %s rests for the whole quiet period anew, beginning with another listing', (_, state) => {
  const later = { ...QUIET, now: 60_000 }
  expect(nextStep(state, later)).toEqual({ step: 'list' })
  const again = listed(state, { ...clean, startedAt: 60_000 }, false)
  expect(nextStep(again, { ...QUIET, now: 60_001 })).toEqual({ step: 'settle', until: 61_000 })
  // The file that its producer has begun meanwhile.
  const busy = listed(state, { ...clean, found: 1, startedAt: 60_000 }, false)
  expect(nextStep(busy, { ...QUIET, now: 60_001 }).step).toBe('settle')
})

test('a mark that was refused is tried again after half a minute, however often it is asked for', () => {
  const state = refused(calmFor(5_000), 60_000)
  for (const now of [60_001, 65_000, 89_999])
    expect(nextStep(state, { ...QUIET, now })).toEqual({ step: 'settle', until: 90_000 })
  expect(nextStep(state, { ...QUIET, now: 90_000 })).toEqual({ step: 'list' })
})

test('a closed one whose mark was refused needs no other listing', () => {
  const closed = listed(
    { ...newDirectoryState, watching: true },
    { ...clean, afterClose: true, startedAt: 5_000 },
    true,
  )
  expect(nextStep(closed, { ...QUIET, now: 5_001 })).toEqual({ step: 'mark' })
  expect(nextStep(refused(closed, 9_000), { ...QUIET, now: 9_001 })).toEqual({ step: 'mark' })
})
