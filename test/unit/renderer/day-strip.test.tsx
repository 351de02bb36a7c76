import { expect, test } from 'vitest'
import { DayStrip } from '../../../renderer/features/overview/day-strip.tsx'
import { encodeDays, encodeReceived } from '../../../renderer/state/day.ts'
import { renderMarkup } from './rendered.tsx'

const days = encodeDays({
  verdicts: { a: [null, 'ok', 'slow', 'hung'], path: ['ok'] },
  sent: { a: [0, 1, 30, 90], b: [0, 0] },
  received: { nas: [0, 2, 0, 4] },
})

test('day strip: an hour is two letters, its health and its share of the files sent', () => {
  expect([...days]).toEqual([
    ['a', '-0o1s1f3'],
    ['path', 'o0'],
    ['b', '-0-0'],
  ])
})

test('day strip: files received are counted by the folder of their sender, without health', () => {
  expect([...encodeReceived({ verdicts: {}, sent: {}, received: { nas: [0, 2, 0, 4] } })]).toEqual([
    ['nas', '-0-2-0-3'],
  ])
})

test('day strip: hours with a failing disk and with transfers are counted in its label', () => {
  const markup = renderMarkup(<DayStrip day={days.get('a') ?? ''} />)
  expect(markup).toContain('aria-label="Last 24 hours: disk failing in 1, files sent in 3"')
  expect(markup).toMatch(/<path data-level="failing" d="M9 0h2v14h-2z"/)
})
