import { expect, test, vi } from 'vitest'
import { localTime, parseTime } from '../../../cli/terminal/moment.ts'

test.each([
  ['2026-11-20', new Date(2026, 10, 20)],
  ['2024-02-29', new Date(2024, 1, 29)],
  ['2026-11-20T08:15', new Date(2026, 10, 20, 8, 15)],
  ['2026-11-20 08:15', new Date(2026, 10, 20, 8, 15)],
  ['2026-11-20T08:15:30', new Date(2026, 10, 20, 8, 15, 30)],
  ['2026-11-20T08:15Z', new Date(Date.UTC(2026, 10, 20, 8, 15))],
  ['2026-11-20T08:15:00Z', new Date(Date.UTC(2026, 10, 20, 8, 15))],
  ['2026-11-20T08:15:00.250Z', new Date(Date.UTC(2026, 10, 20, 8, 15, 0, 250))],
  ['2026-11-20T08:15+08:00', new Date(Date.UTC(2026, 10, 20, 0, 15))],
])('time argument: %s is accepted', (text, at) => expect(parseTime(text)).toBe(at.getTime()))

test.each([
  'tomorrow',
  'yesterday 24:00',
  'yesterday 8',
  'constructor',
  '',
  '5',
  'foo 1',
  '11.12.2026',
  '11/12/2026',
  '2026',
  '2026-11',
  '2026-11-31',
  '2025-02-29',
  '2026-13-01',
  '2026-11-20T8:15',
  '2026-11-20T25:00',
  '2026-11-20T08:15 PM',
  'on 2026-11-20',
])('time argument: %j is refused', (text) => expect(() => parseTime(text)).toThrow('must be a time'))

test.each([
  ['Asia/Taipei', '2026-11-20T16:15:07+08:00'],
  ['America/St_Johns', '2026-11-20T04:45:07-03:30'],
  ['UTC', '2026-11-20T08:15:07+00:00'],
])('local time: the time zone %s gives %s, which is accepted as an argument', (zone, text) => {
  vi.stubEnv('TZ', zone)
  const at = Date.UTC(2026, 10, 20, 8, 15, 7)
  expect(localTime(at)).toBe(text)
  expect(parseTime(localTime(at))).toBe(at)
  vi.unstubAllEnvs()
})

test('time argument of --since: a moment, or how long ago it was; a unit is required', () => {
  vi.useFakeTimers({ now: Date.UTC(2026, 10, 28, 8) })
  expect(parseTime('2h')).toBe(Date.UTC(2026, 10, 28, 6))
  expect(parseTime('2h ago')).toBe(Date.UTC(2026, 10, 28, 6))
  expect(parseTime('1.5d')).toBe(Date.UTC(2026, 10, 26, 20))
  expect(parseTime('99999d')).toBe(0)
  expect(parseTime('2026-11-20T08:15Z')).toBe(Date.UTC(2026, 10, 20, 8, 15))
  const local = (...parts: [number, number, number]) => new Date(2026, 10, ...parts).getTime()
  expect(parseTime('yesterday')).toBe(local(new Date().getDate() - 1, 0, 0))
  expect(parseTime('Yesterday 9:05')).toBe(local(new Date().getDate() - 1, 9, 5))
  expect(parseTime('今天 14:00')).toBe(local(new Date().getDate(), 14, 0))
  for (const text of ['2', '', '-2h', 'NaN', 'h', '1e9d', '2 weeks', `${'9'.repeat(400)}d`])
    expect(() => parseTime(text)).toThrow('must be a time')
  vi.useRealTimers()
})
