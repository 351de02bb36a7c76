import { expect, test } from 'vitest'
import { olderToThin } from '../../../core/backends/objects/object-session.ts'
import type { ObjectInfo } from '../../../core/backends/objects/object-store.ts'
import { DEFAULT_KEEP, versionPrefix } from '../../../core/store/retention/retention.ts'

const DAY = 86_400_000
const NOW = Date.UTC(2026, 5, 1, 12)

/** An older content that was replaced then, and stored by the store's clock at another time. */
const older = (at: number, storedAt = at): ObjectInfo => ({
  name: `pc/.holdfast/versions/data/hot/${versionPrefix(new Date(at), 0)}0`,
  size: 1,
  mtimeNs: 0n,
  mode: 0o644,
  digest: null,
  storedAt,
  version: null,
})
/** Three on each of these days. */
const thrice = (days: number[]) =>
  days.flatMap((day) => [0, 1, 2].map((hour) => older(NOW - day * DAY + hour * 3_600_000)))
const kept = (all: ObjectInfo[], { now = NOW, keep = DEFAULT_KEEP } = {}) => {
  const gone = new Set(olderToThin(all, keep, now))
  return all.filter(({ name }) => !gone.has(name))
}

test('version thinning: all versions of the last 30 days are kept, of earlier days the last one each', () => {
  const all = [...thrice([45, 40]), ...thrice([29, 1])]
  expect(kept(all)).toEqual([all[2], all[5], ...all.slice(6)])
})

test('version thinning: a setting of 7 days keeps only the versions of these days', () => {
  const all = [...thrice([20, 10]), ...thrice([3])]
  const keep = { withinDays: 7, daily: 0, weekly: 0, monthly: 0, yearly: 0 }
  expect(kept(all, { keep })).toEqual(all.slice(6))
})

test('version thinning: damaged copies that were set aside go like older versions, and replace none of them', () => {
  const all = thrice([60, 45])
  const [, , first, , , second] = all
  const damaged = [58, 44, 1].map((day) => {
    const one = older(NOW - day * DAY)
    return { ...one, name: `${one.name}.damaged` }
  })
  const keep = { withinDays: 30, daily: 2, weekly: 0, monthly: 0, yearly: 0 }
  expect(kept([...all, ...damaged], { keep })).toEqual([first, second, damaged[1], damaged[2]])
})

test('version thinning: the newest version is kept, whatever its age', () => {
  const all = thrice([90])
  expect(kept(all)).toEqual([all[2]])
})

test('version thinning: versions that the store received recently are kept, whatever the time in their name', () => {
  const all = thrice([90]).map((one) => ({ ...one, storedAt: NOW - DAY }))
  expect(kept(all)).toEqual(all)
})

test('version thinning: versions with a time in the future are kept', () => {
  const all = thrice([-400])
  expect(kept(all)).toEqual(all)
})

test('version thinning: an object without a version name is kept', () => {
  const strange = { ...older(NOW - 90 * DAY), name: 'pc/.holdfast/versions/data/hot/notes.txt' }
  expect(kept([strange, older(NOW)])).toContain(strange)
})
