import { expect, onTestFinished, test, vi } from 'vitest'
import type { Library } from '../../../core/backends/library.ts'
import { listChanges } from '../../../core/restore/changes.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** A destination with contents that were stored at these times, of which it counts two at a time. */
function openLibrary(times: readonly number[], more: Partial<Library> = {}) {
  const counts: Library['counts'] = async ({ after }) => {
    const from = Number(after)
    const next = from + 2 < times.length ? String(from + 2) : null
    return { counts: times.slice(from, from + 2).map((storedAt) => [1, storedAt]), next }
  }
  return { counts, ...more } as Library
}

const ask = (library: Library, zone = 'UTC') =>
  listChanges(library, { folder: null, directory: '', zone } as never)

/** Returns the number of contents of each day, and of each of its hours, with their beginnings in UTC. */
async function list(times: readonly string[], zone: string) {
  const { days } = await ask(openLibrary(times.map((time) => Date.parse(time))), zone)
  const format = ({ start, end, files }: { start: number; end: number; files: number }) =>
    `${new Date(start).toISOString().slice(0, 16)} +${(end - start) / HOUR_MS}: ${files}`
  return days?.map((day) => [format(day), ...day.hours.map(format)])
}

test('changes at a destination: contents are counted by the days and hours of a time zone, whatever their order', async () => {
  const times = ['2026-06-02T16:59:59Z', '2026-06-01T15:59Z', '2026-06-01T16:00Z', '2026-06-02T16:00Z']
  expect(await list(times, 'UTC')).toEqual([
    ['2026-06-01T00:00 +24: 2', '2026-06-01T15:00 +1: 1', '2026-06-01T16:00 +1: 1'],
    ['2026-06-02T00:00 +24: 2', '2026-06-02T16:00 +1: 2'],
  ])
  expect(await list(times, 'Asia/Taipei')).toEqual([
    ['2026-05-31T16:00 +24: 1', '2026-06-01T15:00 +1: 1'],
    ['2026-06-01T16:00 +24: 1', '2026-06-01T16:00 +1: 1'],
    ['2026-06-02T16:00 +24: 2', '2026-06-02T16:00 +1: 2'],
  ])
  // Its hours begin at a quarter of an hour.
  expect(await list(['2026-06-01T16:10Z', '2026-06-01T16:20Z'], 'Asia/Kathmandu')).toEqual([
    ['2026-05-31T18:15 +24: 2', '2026-06-01T15:15 +1: 1', '2026-06-01T16:15 +1: 1'],
  ])
})

test('changes at a destination: the days on which the clock is changed have 23 and 25 hours', async () => {
  const everyHour = (from: string, hours: number) =>
    Array.from({ length: hours }, (_, index) => new Date(Date.parse(from) + index * HOUR_MS).toISOString())
  const [spring = [], ...afterSpring] =
    (await list(everyHour('2026-03-28T23:00Z', 24), 'Europe/Berlin')) ?? []
  expect(spring[0]).toBe('2026-03-28T23:00 +23: 23')
  expect(spring).toHaveLength(1 + 23)
  expect(afterSpring).toEqual([['2026-03-29T22:00 +24: 1', '2026-03-29T22:00 +1: 1']])
  const [autumn = [], ...afterAutumn] =
    (await list(everyHour('2026-10-24T22:00Z', 26), 'Europe/Berlin')) ?? []
  expect(autumn[0]).toBe('2026-10-24T22:00 +25: 25')
  // 02:00 occurs twice, an hour each.
  expect(autumn.slice(3, 5)).toEqual(['2026-10-25T00:00 +1: 1', '2026-10-25T01:00 +1: 1'])
  expect(autumn).toHaveLength(1 + 25)
  expect(afterAutumn).toHaveLength(1)
})

test('changes at a destination: of more than 400 days the oldest are joined to one, without hours', async () => {
  const day = (index: number) => Date.UTC(2020, 0, 1, 12) + index * DAY_MS
  const times = (count: number) => Array.from({ length: count }, (_, index) => day(index))
  const { days: all } = await ask(openLibrary(times(400)))
  expect(all).toHaveLength(400)
  expect(all?.[0]?.hours).toHaveLength(1)
  const { days } = await ask(openLibrary([...times(402), day(401) + 1_000]))
  expect(days).toHaveLength(400)
  const start = Date.UTC(2020, 0, 1)
  expect(days?.[0]).toEqual({ start, end: start + 3 * DAY_MS, files: 3, lastAt: day(2), hours: [] })
  expect(days?.at(-1)).toMatchObject({ start: start + 401 * DAY_MS, files: 2, lastAt: day(401) + 1_000 })
})

test('changes at a destination: the calendar is asked no more often for 5,000 days than for 500', async () => {
  const asked = vi.spyOn(Intl.DateTimeFormat.prototype, 'formatToParts')
  onTestFinished(() => asked.mockRestore())
  const countAsked = async (days: number) => {
    const times = Array.from({ length: days }, (_, index) => Date.UTC(2026, 0, 1, 12) - index * DAY_MS)
    asked.mockClear()
    await ask(openLibrary(times), 'Asia/Taipei')
    return asked.mock.calls.length
  }
  expect(await countAsked(5_000)).toBe(await countAsked(500))
})

test('changes at a destination: times that no clock has are those of the first or of the present day', async () => {
  const { days } = await ask(openLibrary([Number.MAX_VALUE, -1]))
  expect(days?.map(({ files, lastAt }) => [files, Math.abs(lastAt) < Date.now() + DAY_MS])).toEqual([
    [1, true],
    [1, true],
  ])
  expect((await ask(openLibrary([]))).days).toEqual([])
})

test('changes at a destination: none are listed where it cannot count them, or takes too long', async () => {
  expect(await ask(openLibrary([1], { counts: async () => null }))).toEqual({ days: null })
  const now = vi.spyOn(performance, 'now')
  onTestFinished(() => now.mockRestore())
  now.mockReturnValueOnce(0).mockReturnValue(8_001)
  expect(await ask(openLibrary([1, 2, 3]))).toEqual({ days: null })
  now.mockReset()
  // The last page is there: the list is complete.
  now.mockReturnValueOnce(0).mockReturnValue(8_001)
  expect((await ask(openLibrary([1, 2]))).days).toHaveLength(1)
  await expect(ask(openLibrary([]), 'Mars/Olympus')).rejects.toThrow('is not a time zone')
})
