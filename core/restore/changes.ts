import { setImmediate } from 'node:timers/promises'
import type { Library } from '../backends/library.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import type { RequestInput, RequestOutput } from '../lib/workers/definition.ts'
import { isZone, openPeriods, type Period } from '../settings/expected/periods.ts'
import { COUNTED_MS, type CountsPage } from '../store/query/query.ts'
import type { restorerDefinition } from './restore-messages.ts'

type Asked = RequestInput<typeof restorerDefinition, 'changes'>
type Answer = RequestOutput<typeof restorerDefinition, 'changes'>

/** Limit of a pass over all versions, in milliseconds, because the user is waiting. */
const PASS_MS = 8_000
/** Maximum number of days in an answer. */
const MOST_DAYS = 400

/** Contents that were stored in a period, and the time of the last one. */
interface Count {
  files: number
  lastAt: number
}

/**
 * Counts the contents below a directory, older versions included, by the day and the hour in which they were stored.
 * @throws UserError also if the time zone is unknown.
 */
export async function listChanges(library: Library, { folder, directory, zone }: Asked): Promise<Answer> {
  if (!isZone(zone)) throw new UserError('report.notZone', { zone })
  const until = performance.now() + PASS_MS
  const counts = new Map<number, Count>()
  const question = { folder, path: directory === '' ? null : directory }
  for (let after: string | null = null; ; ) {
    const page: CountsPage | null = (await library.counts?.({ ...question, after })) ?? null
    if (page === null || (page.next !== null && performance.now() > until)) return { days: null }
    for (const [files, storedAt] of page.counts) {
      // A clock may have been wrong.
      const at = Math.min(Math.max(storedAt, 0), Date.now())
      const slot = Math.floor(at / COUNTED_MS)
      const before = counts.get(slot)
      counts.set(slot, {
        files: files + (before?.files ?? 0),
        lastAt: Math.max(at, before?.lastAt ?? 0),
      })
    }
    after = page.next
    if (after === null) break
    // A store on this computer is read in this thread, which other requests need, too.
    await setImmediate()
  }
  const newestFirst = [...counts.values()].sort((one, other) => other.lastAt - one.lastAt)
  const hours = openPeriods({ everyMinutes: 60, zone })
  const days = sumUp(newestFirst, openPeriods({ everyMinutes: 1_440, zone }))
  return {
    days: days.map(({ counts: ofDay, ...day }) => ({
      ...day,
      hours: sumUp(ofDay, hours).map(({ counts: _, ...hour }) => hour),
    })),
  }
}

/**
 * Sums up counts by periods, oldest first; those without any are left out. The oldest periods are joined to one without
 * its counts, so that the time that this takes does not grow with them.
 */
function sumUp(newestFirst: readonly Count[], periods: ReturnType<typeof openPeriods>) {
  const sums: (Count & Omit<Period, 'wall'> & { counts: Count[] })[] = []
  for (const count of newestFirst) {
    let sum = sums.at(-1)
    if (sum === undefined || (count.lastAt < sum.start && sums.length < MOST_DAYS)) {
      const { start, end } = periods.from(count.lastAt).next().value
      sum = { start, end, files: 0, lastAt: count.lastAt, counts: [] }
      sums.push(sum)
    }
    sum.files += count.files
    sum.counts.push(count)
  }
  const [first, oldest] = [sums.at(-1), newestFirst.at(-1)]
  if (first !== undefined && oldest !== undefined && oldest.lastAt < first.start) {
    first.start = periods.from(oldest.lastAt).next().value.start
    first.counts = []
  }
  return sums.reverse()
}
