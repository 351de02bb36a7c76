import path from 'node:path'
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { openLedger } from '../../../core/ledger/ledger.ts'
import { openExpectations } from '../../../core/scan/expectations.ts'
import { type ExpectedFiles, sourceSchema } from '../../../core/settings/schema.ts'
import { chooseLength } from '../../support/long.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const HOUR_MS = 3_600_000
const at = (text: string) => Date.parse(text)

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const ledgerFile = () => path.join(temporaryDirectory('expected'), 'ledger.sqlite')

interface Options {
  ledger?: string
  isWatched?: () => boolean
  /** Called when the source is compared before a file counts as missing. */
  compare?: () => Promise<boolean>
}

/** Opens the expectations of a source at the present (fake) time, with a real ledger. */
function openSource(rules: Partial<ExpectedFiles>[], options: Options = {}) {
  const source = sourceSchema.parse({ id: 'a', path: '/data', name: 'Data', expected: rules })
  const ledger = openLedger(options.ledger ?? ledgerFile())
  const failed = (error: unknown) => {
    throw error
  }
  const { isWatched = () => true, compare = async () => true } = options
  const expectations = openExpectations({
    source,
    ledger,
    isWatched,
    compare,
    settleMs: () => 0,
    changed: () => undefined,
    log: () => undefined,
    failed,
  })
  let isOpen = true
  const stop = () => {
    expectations.stop()
    if (isOpen) ledger.close()
    isOpen = false
  }
  onTestFinished(() => stop())
  return {
    ledger,
    stop,
    note: (name: string, { size = 1, changedAt = Date.now(), cameAt = Date.now(), isKnown = false } = {}) =>
      expectations.note(
        [
          {
            ...{
              path: name,
              size,
              mtimeNs: BigInt(changedAt) * 1_000_000n,
              ctimeNs: BigInt(cameAt) * 1_000_000n,
              inode: 1n,
            },
            ...{ device: 1n, mode: 0o644, uid: 0, gid: 0, links: 1 },
          },
        ],
        isKnown,
      ),
    state: () => expectations.state(),
    missing: () =>
      expectations.state().map(({ failing, newest }) => (failing === 0 ? null : newest[0]?.path)),
    files: (pattern: string) =>
      ledger
        .expectedFiles('a', [0, Number.MAX_SAFE_INTEGER], { gaps: false, limit: 100_000 })
        .filter((file) => file.pattern === pattern)
        .map((file) => ({ ...file, state: stateOf(file) })),
  }
}

const stateOf = ({ due, arrivedAt }: { due: number; arrivedAt: number | null }) =>
  arrivedAt === null ? 'missing' : arrivedAt <= due ? 'on time' : 'late'

/** Advances the clock to this time and runs what is due then. */
async function until(time: string | number) {
  const target = typeof time === 'number' ? time : at(time)
  await vi.advanceTimersByTimeAsync(target - Date.now())
}

const hourly = { pattern: '{YYYY}{DOY}{HH}*.rnx', everyMinutes: 60, withinMinutes: 10, zone: 'UTC' }

test('expected files: an hourly file that does not come is missing, and its incident ends when it comes', async () => {
  vi.setSystemTime(at('2026-11-27T11:30Z'))
  const { note, missing, files } = openSource([hourly])
  note('202633111.rnx')
  await until('2026-11-27T12:11Z')
  expect(missing()).toEqual([null])
  await until('2026-11-27T13:09:59Z')
  expect(missing()).toEqual([null])
  await until('2026-11-27T13:10:01Z')
  expect(missing()).toEqual(['202633112*.rnx'])
  await until('2026-11-27T13:40Z')
  note('202633112_late.rnx')
  expect(missing()).toEqual([null])
  expect(files(hourly.pattern)).toMatchObject([
    { path: '202633112_late.rnx', state: 'late', arrivedAt: at('2026-11-27T13:40Z') },
    { path: '202633111.rnx', state: 'on time' },
  ])
})

test('expected files: a later file ends the incident, and the gap stays in the list', async () => {
  vi.setSystemTime(at('2026-11-27T11:30Z'))
  const { note, missing, files } = openSource([hourly])
  await until('2026-11-27T13:11Z')
  expect(missing()).toEqual(['202633112*.rnx'])
  note('202633113.rnx')
  expect(missing()).toEqual([null])
  await until('2026-11-27T14:11Z')
  expect(missing()).toEqual([null])
  expect(files(hourly.pattern).map(({ state }) => state)).toEqual(['on time', 'missing', 'missing'])
})

test('expected files: a file is missing only after the source was compared, and not if that finds it', async () => {
  vi.setSystemTime(at('2026-11-27T11:30Z'))
  let canCompare = false
  const source = openSource([hourly], {
    compare: async () => {
      if (canCompare) source.note('202633111.rnx', { changedAt: at('2026-11-27T11:59Z') })
      return canCompare
    },
  })
  await until('2026-11-27T12:30Z')
  // No comparison was complete: nothing is known.
  expect(source.files(hourly.pattern)).toEqual([])
  canCompare = true
  await until('2026-11-27T12:31Z')
  expect(source.files(hourly.pattern)).toMatchObject([{ path: '202633111.rnx', state: 'on time' }])
})

test('expected files: gaps while Holdfast was off are named once the source is watched again', async () => {
  vi.setSystemTime(at('2026-11-27T11:30Z'))
  const ledger = ledgerFile()
  const before = openSource([hourly], { ledger })
  before.note('202633111.rnx')
  await until('2026-11-27T12:20Z')
  before.stop()
  vi.setSystemTime(at('2026-11-27T16:20Z'))
  let isWatched = false
  const after = openSource([hourly], {
    ledger,
    isWatched: () => isWatched,
    compare: async () => {
      after.note('202633113.rnx', { changedAt: at('2026-11-27T13:58Z') })
      after.note('202633114.rnx', { changedAt: at('2026-11-27T15:30Z') })
      return true
    },
  })
  await until('2026-11-27T16:30Z')
  expect(after.missing()).toEqual([null])
  isWatched = true
  await until('2026-11-27T16:31Z')
  expect(after.missing()).toEqual(['202633115*.rnx'])
  expect(after.files(hourly.pattern).map(({ path: name, state }) => [name, state])).toEqual([
    ['202633115*.rnx', 'missing'],
    ['202633114.rnx', 'late'],
    ['202633113.rnx', 'on time'],
    ['202633112*.rnx', 'missing'],
    ['202633111.rnx', 'on time'],
  ])
})

test('expected files: a name with a date far ahead, as a wrong clock makes it, hides no gap', async () => {
  vi.setSystemTime(at('2026-11-27T11:30Z'))
  const { note, missing } = openSource([hourly])
  note('209900100.rnx')
  await until('2026-11-27T12:11Z')
  expect(missing()).toEqual(['202633111*.rnx'])
})

test('expected files: after the clock was years ahead, gaps are found again', async () => {
  vi.setSystemTime(at('2036-01-01T11:30Z'))
  const { missing } = openSource([hourly])
  vi.setSystemTime(at('2026-11-27T11:30Z'))
  await vi.advanceTimersByTimeAsync(60 * 60_000)
  expect(missing()).toEqual(['202633111*.rnx'])
})

test('expected files: smaller files do not count', async () => {
  vi.setSystemTime(at('2026-11-27T11:30Z'))
  const ledger = ledgerFile()
  const small = { ...hourly, minimumBytes: 1_000 }
  const first = openSource([small], { ledger })
  first.note('202633111.rnx', { size: 999 })
  await until('2026-11-27T12:11Z')
  expect(first.missing()).toEqual(['202633111.rnx'])
  expect(first.state()[0]?.newest).toMatchObject([{ path: '202633111.rnx', tooSmall: 999 }])
  first.note('202633111.rnx', { size: 998 })
  first.stop()
  const second = openSource([small], { ledger })
  expect(second.files(hourly.pattern)).toMatchObject([{ path: '202633111.rnx', tooSmall: 998 }])
  second.note('202633111.rnx', { size: 1_000 })
  expect(second.missing()).toEqual([null])
  expect(second.files(hourly.pattern)).toMatchObject([{ state: 'late', tooSmall: null }])
})

test('expected files: a name without a year counts with the modification time of its period only', async () => {
  vi.setSystemTime(at('2026-11-27T11:30Z'))
  const { note, missing, state } = openSource([{ ...hourly, pattern: 'ABCD{DOY}{HH}00.rnx' }])
  expect(state()[0]?.next).toEqual({ path: 'ABCD3311100.rnx', due: at('2026-11-27T12:10Z') })
  note('ABCD3311100.rnx', { changedAt: at('2025-11-27T12:00Z') })
  await until('2026-11-27T12:11Z')
  expect(missing()).toEqual(['ABCD3311100.rnx'])
  note('ABCD3311100.rnx', { changedAt: at('2026-11-27T10:59Z') })
  expect(missing()).toEqual(['ABCD3311100.rnx'])
  note('ABCD3311100.rnx', { changedAt: at('2026-11-27T11:00Z') })
  expect(missing()).toEqual([null])
})

test('expected files: a rule counts all of its gaps, and those since the last file', async () => {
  vi.setSystemTime(at('2026-11-27T11:30Z'))
  const { note, state, files } = openSource([hourly])
  await until('2026-11-27T15:11Z')
  expect(state()).toMatchObject([{ missing: 4, failing: 4, since: at('2026-11-27T12:10Z') }])
  expect(state()[0]?.newest.map(({ path }) => path)).toEqual(
    [14, 13, 12].map((hour) => `2026331${hour}*.rnx`),
  )
  note('202633114.rnx')
  expect(state()).toMatchObject([{ missing: 3, failing: 0, since: null }])
  expect(files(hourly.pattern)).toHaveLength(4)
})

test('expected files: without a date in the pattern, a file counts for the oldest period that lacks one', async () => {
  vi.setSystemTime(at('2026-11-27T11:30Z'))
  const { note, missing, files } = openSource([
    { pattern: '*.csv', everyMinutes: 60, withinMinutes: 10, zone: 'UTC' },
  ])
  // What came earlier in the present period is unknown, so the next one is the first.
  await until('2026-11-27T12:59Z')
  expect(missing()).toEqual([null])
  // Each file comes within the ten minutes after its period. Its own time is that of its origin.
  await until('2026-11-27T13:05Z')
  note('a.csv', { changedAt: at('2020-01-01T00:00Z') })
  await until('2026-11-27T14:05Z')
  note('b.csv')
  // A comparison meets both again.
  note('b.csv', { isKnown: true })
  await until('2026-11-27T15:09Z')
  expect(missing()).toEqual([null])
  await until('2026-11-27T15:11Z')
  expect(missing()).toEqual(['*.csv'])
  await until('2026-11-27T16:05Z')
  note('c.csv')
  expect(missing()).toEqual([null])
  await until('2026-11-27T16:11Z')
  expect(files('*.csv').map(({ state }) => state)).toEqual(['on time', 'missing', 'on time', 'on time'])
})

test('expected files: a gap is reported when it is due, though a later file has come', async () => {
  vi.setSystemTime(at('2026-11-27T12:30Z'))
  const { note, missing } = openSource([{ ...hourly, withinMinutes: 120 }])
  note('202633112.rnx')
  await until('2026-11-27T14:58Z')
  note('202633114.rnx')
  await until('2026-11-27T16:01Z')
  expect(missing()).toEqual(['202633113*.rnx'])
  note('202633115.rnx')
  expect(missing()).toEqual([null])
})

test('expected files: a rule that is removed and added again begins anew, and keeps its list', async () => {
  vi.setSystemTime(at('2026-11-27T11:30Z'))
  const ledger = ledgerFile()
  const before = openSource([hourly], { ledger })
  await until('2026-11-27T12:11Z')
  expect(before.missing()).toEqual(['202633111*.rnx'])
  before.stop()
  openSource([], { ledger }).stop()
  vi.setSystemTime(at('2026-12-27T11:30Z'))
  const after = openSource([hourly], { ledger })
  await until('2026-12-27T11:40Z')
  expect(after.missing()).toEqual([null])
  await until('2026-12-27T12:11Z')
  expect(after.missing()).toEqual(['202636111*.rnx'])
  expect(after.files(hourly.pattern).map(({ path: name }) => name)).toEqual([
    '202636111*.rnx',
    '202633111*.rnx',
  ])
})

test('expected files: with another delay, what was judged stays, and what was not is judged with it', async () => {
  vi.setSystemTime(at('2026-11-27T11:30Z'))
  const ledger = ledgerFile()
  const before = openSource([hourly], { ledger })
  await until('2026-11-27T12:11Z')
  before.stop()
  const after = openSource([{ ...hourly, withinMinutes: 120 }], { ledger })
  expect(after.missing()).toEqual(['202633111*.rnx'])
  expect(after.state()[0]?.next.path).toBe('202633112*.rnx')
  await until('2026-11-27T12:20Z')
  after.note('202633111.rnx')
  expect(after.missing()).toEqual([null])
  expect(after.files(hourly.pattern)).toMatchObject([
    { path: '202633111.rnx', due: at('2026-11-27T12:10Z'), state: 'late' },
  ])
  // A shorter delay applies to the period that is not judged yet.
  await until('2026-11-27T13:07Z')
  after.stop()
  const last = openSource([{ ...hourly, withinMinutes: 5 }], { ledger })
  await until('2026-11-27T13:08Z')
  expect(last.missing()).toEqual(['202633112*.rnx'])
  expect(last.files(hourly.pattern).map(({ state }) => state)).toEqual(['missing', 'late'])
})

test('expected files: a file that came before the delay was changed is not expected again', async () => {
  vi.setSystemTime(at('2026-11-27T11:30Z'))
  const ledger = ledgerFile()
  const rules = [hourly, { ...hourly, pattern: '*' }]
  const before = openSource(rules, { ledger })
  await until('2026-11-27T12:20Z')
  before.note('202633112.rnx')
  before.stop()
  const after = openSource(
    rules.map((rule) => ({ ...rule, withinMinutes: 150 })),
    { ledger },
  )
  await until('2026-11-27T15:31Z')
  const state = (pattern: string) => after.files(pattern).map((file) => [file.start, file.state])
  expect(state('*')).toEqual([[at('2026-11-27T12:00Z'), 'on time']])
  expect(state(hourly.pattern)).toEqual([
    [at('2026-11-27T12:00Z'), 'on time'],
    [at('2026-11-27T11:00Z'), 'missing'],
  ])
})

const daily = { pattern: hourly.pattern, everyMinutes: 1_440 }
test.each([
  { from: {}, to: { everyMinutes: 120 }, others: ['202633111.rnx', '202633109.rnx', '202633113.rnx'] },
  { from: {}, to: daily, others: ['202633110.rnx', '202633111.rnx', '202633112.rnx'] },
  { from: { everyMinutes: 120 }, to: {}, others: ['202633111.rnx', '202633113.rnx'] },
  { from: daily, to: {}, others: ['202633000.rnx', '202633100.rnx', '202633012.rnx'] },
  { from: { zone: 'Asia/Taipei' }, to: {}, others: ['202633118.rnx', '202633120.rnx'] },
  { from: {}, to: { zone: 'Asia/Taipei' }, others: ['202633110.rnx', '202633112.rnx'] },
])('expected files: from %j, gaps stay as they were judged, and end their incident', async (change) => {
  const { from, to, others } = change
  vi.setSystemTime(at('2026-11-26T10:30Z'))
  const ledger = ledgerFile()
  const before = openSource([{ ...hourly, ...from }], { ledger })
  await until('2026-11-27T13:11Z')
  const gaps = before.files(hourly.pattern)
  expect(gaps.length).toBeGreaterThan(0)
  expect(before.state()[0]?.failing).toBe(gaps.length)
  before.stop()
  const after = openSource([{ ...hourly, ...to }], { ledger })
  const state = after.state()[0]
  expect(state).toMatchObject({ missing: gaps.length, failing: 0, since: null, came: null })
  for (const other of others) after.note(other, { isKnown: true })
  const dueThen = after.files(hourly.pattern).filter(({ due }) => due <= at('2026-11-27T13:11Z'))
  expect(dueThen).toEqual(gaps)
  // The rule begins anew, and its next gap is an incident.
  await until((state?.next.due ?? 0) + 48 * HOUR_MS)
  expect(after.state()[0]?.failing).toBeGreaterThan(0)
  expect(after.files(hourly.pattern).filter(({ due }) => due <= at('2026-11-27T13:11Z'))).toEqual(gaps)
})

test('expected files: after another time zone, a file counts for one period only', async () => {
  vi.setSystemTime(at('2026-11-27T11:30Z'))
  const ledger = ledgerFile()
  const rule = { ...hourly, withinMinutes: 60 }
  const before = openSource([{ ...rule, zone: 'Asia/Taipei' }], { ledger })
  await until('2026-11-27T13:50Z')
  // It counts for 13:00 in UTC.
  before.note('202633121.rnx')
  before.stop()
  const after = openSource([rule], { ledger })
  await until('2026-11-27T20:30Z')
  after.note('202633120.rnx')
  await until('2026-11-27T22:01Z')
  const files = after.files(hourly.pattern)
  expect(files.filter(({ path: name }) => name === '202633120.rnx')).toMatchObject([
    { start: at('2026-11-27T20:00Z'), state: 'on time' },
  ])
  expect(files.find(({ start }) => start === at('2026-11-27T13:00Z'))).toMatchObject({
    path: '202633113*.rnx',
    state: 'missing',
  })
})

test('expected files: with another period, too small files of gaps close only theirs when they grow', async () => {
  vi.setSystemTime(at('2026-11-27T09:30Z'))
  const ledger = ledgerFile()
  const rule = { ...hourly, minimumBytes: 1_000 }
  const before = openSource([rule], { ledger })
  for (const hour of [10, 11]) {
    await until(`2026-11-27T${hour}:30Z`)
    before.note(`2026331${hour}_a.rnx`, { size: 999 })
  }
  await until('2026-11-27T12:11Z')
  before.stop()
  const after = openSource([{ ...rule, everyMinutes: 120 }], { ledger })
  after.note('202633111_a.rnx', { size: 1_000 })
  const list = () => after.files(hourly.pattern).filter(({ due }) => due <= at('2026-11-27T12:11Z'))
  expect(list().map(({ path: name, tooSmall }) => [name, tooSmall])).toEqual([
    ['202633111_a.rnx', 999],
    ['202633110_a.rnx', 999],
    ['202633109*.rnx', null],
  ])
  // The present rule gives that name to the same period.
  after.note('202633110_a.rnx', { size: 1_000 })
  expect(list().map(({ state }) => state)).toEqual(['missing', 'late', 'missing'])
})

test('expected files: a late file closes the gap of its period though its name is that of a later hour', async () => {
  vi.setSystemTime(at('2026-11-27T09:30Z'))
  const { note, files } = openSource([{ ...hourly, everyMinutes: 120 }])
  await until('2026-11-27T12:11Z')
  expect(files(hourly.pattern)).toMatchObject([
    { path: '202633110*.rnx', state: 'missing' },
    { path: '202633108*.rnx', state: 'missing' },
  ])
  note('202633111.rnx')
  expect(files(hourly.pattern)).toMatchObject([
    { path: '202633111.rnx', state: 'late' },
    { path: '202633108*.rnx', state: 'missing' },
  ])
})

test('expected files: without a date, no file closes a gap of an earlier period', async () => {
  vi.setSystemTime(at('2026-11-27T09:30Z'))
  const ledger = ledgerFile()
  const rule = { pattern: '*.csv', everyMinutes: 60, withinMinutes: 10, zone: 'UTC' }
  const before = openSource([rule], { ledger })
  await until('2026-11-27T11:11Z')
  expect(before.files('*.csv').map(({ state }) => state)).toEqual(['missing'])
  before.stop()
  const after = openSource([{ ...rule, everyMinutes: 120 }], { ledger })
  after.note('a.csv')
  expect(after.state()).toMatchObject([{ missing: 1, failing: 0, came: null }])
  expect(after.files('*.csv').map(({ state }) => state)).toEqual(['missing'])
})

test('expected files: a file that came before the delay was shortened may be late by the new one', async () => {
  vi.setSystemTime(at('2026-11-27T11:30Z'))
  const ledger = ledgerFile()
  const before = openSource([{ ...hourly, withinMinutes: 120 }], { ledger })
  await until('2026-11-27T12:20Z')
  before.note('202633111.rnx')
  before.stop()
  const after = openSource([hourly], { ledger })
  await until('2026-11-27T12:30Z')
  const file = after.files(hourly.pattern).find(({ path: name }) => name === '202633111.rnx')
  expect(file).toMatchObject({ due: at('2026-11-27T12:10Z'), state: 'late' })
})

test('expected files: a file that came while the clock was years ahead hides no gap', async () => {
  vi.setSystemTime(at('2026-11-27T11:30Z'))
  const { note, state } = openSource([{ ...hourly, pattern: '*.rnx' }])
  vi.setSystemTime(at('2028-11-27T12:30Z'))
  note('a.rnx')
  vi.setSystemTime(at('2026-11-27T12:30Z'))
  await vi.advanceTimersByTimeAsync(3 * HOUR_MS)
  expect(state()[0]?.failing).toBeGreaterThan(0)
})

test('expected files: of a rule that is removed and added again, files that came meanwhile are late', async () => {
  vi.setSystemTime(at('2026-11-27T11:30Z'))
  const ledger = ledgerFile()
  const before = openSource([hourly], { ledger })
  await until('2026-11-27T13:11Z')
  before.stop()
  openSource([], { ledger }).stop()
  vi.setSystemTime(at('2026-11-27T13:12Z'))
  const after = openSource([{ ...hourly, withinMinutes: 30 }], { ledger })
  expect(after.missing()).toEqual([null])
  // The comparison at its start meets it.
  after.note('202633112.rnx', { isKnown: true })
  await until('2026-11-27T13:40Z')
  expect(after.files(hourly.pattern).map(({ path: name, state }) => [name, state])).toEqual([
    ['202633112.rnx', 'late'],
    ['202633111*.rnx', 'missing'],
  ])
})

test.each([5, 15, 30])(
  'expected files: with a file every %d minutes, nothing is missing when the clock is put back',
  async (everyMinutes) => {
    const pattern = '{YYYY}{MM}{DD}-{HH}{mm}.dat'
    // Three hours before and after the change, or one with the many files of short periods.
    const aroundMs = Math.min(3 * HOUR_MS, 12 * everyMinutes * 60_000)
    const [from, to] = [at('2026-10-25T01:00Z') - aroundMs, at('2026-10-25T01:00Z') + aroundMs]
    vi.setSystemTime(from + 2 * 60_000)
    const rules = [
      { pattern, everyMinutes, withinMinutes: 2, zone: 'Europe/Berlin' },
      { pattern: '*', everyMinutes, withinMinutes: 2, zone: 'Europe/Berlin' },
    ]
    const { note, files } = openSource(rules)
    for (let time = from; time < to; time += everyMinutes * 60_000) {
      await until(Math.max(Date.now(), time + 3 * 60_000))
      const wall = new Date(time).toLocaleString('sv-SE', { timeZone: 'Europe/Berlin' })
      note(`${wall.slice(0, 16).replaceAll(/[-:]/g, '').replace(' ', '-')}.dat`)
    }
    expect(files(pattern).length).toBeGreaterThan(10)
    for (const one of [pattern, '*'])
      expect(files(one).filter(({ state }) => state !== 'on time')).toEqual([])
  },
)

test.each(['UTC', 'Europe/Berlin', 'Australia/Lord_Howe', 'America/New_York'])(
  'expected files: in hourly files of a year in %s, exactly the gaps are missing',
  async (zone) => {
    const seed = Number(process.env.SEED ?? Date.now() % 1e9)
    console.log(`seed ${seed}`)
    let state = seed
    const random = () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return state / 2 ** 32
    }
    const rule = { ...hourly, pattern: '{YYYY}{MM}{DD}-{HH}.dat', zone }
    const wallTime = (time: number) => new Date(time).toLocaleString('sv-SE', { timeZone: zone })
    const days = ['2026-03-07', '2026-03-28', '2026-04-03', '2026-10-03', '2026-10-24', '2026-10-31'].map(
      (day) => [day, new Date(at(day) + 3 * 24 * HOUR_MS).toISOString()] as const,
    )
    const changing = days.filter(([from, to]) => wallTime(at(from)).slice(11) !== wallTime(at(to)).slice(11))
    // The days around the zone's own clock changes, or the whole year.
    const spans =
      chooseLength(0, 1) === 1
        ? ([['2026-01-01', '2027-01-01']] as const)
        : changing.length > 0
          ? changing
          : days.slice(0, 1)
    for (const [from, to] of spans) {
      vi.setSystemTime(at(from))
      const { note, files, stop } = openSource([rule])
      // Counted otherwise than by the product: each hour that the wall clock of the zone shows.
      const wallHour = (time: number) => wallTime(time).slice(0, 13).replaceAll('-', '').replace(' ', '-')
      const came = new Set<string>()
      for (let time = at(from) + HOUR_MS / 4; time < at(to); time += HOUR_MS) {
        const name = wallHour(time)
        await until(time)
        if (random() > 0.05) {
          came.add(name)
          note(`${name}.dat`)
        }
      }
      await until(at(to) + 2 * HOUR_MS)
      const times = (start: number, end: number) =>
        Array.from({ length: (end - start) / HOUR_MS }, (_, index) => start + HOUR_MS / 4 + index * HOUR_MS)
      // Without the hours at both ends, of which periods are cut.
      const inner = new Set(times(at(from) + 2 * HOUR_MS, at(to) - 3 * HOUR_MS).map(wallHour))
      const missing = files(rule.pattern)
        .filter((file) => file.state === 'missing')
        .map((file) => file.path.replace('.dat', ''))
        .filter((name) => inner.has(name))
      const gaps = [...inner].filter((name) => !came.has(name))
      expect(new Set(missing), `seed ${seed}`).toEqual(new Set(gaps))
      stop()
    }
  },
  120_000,
)
