import path from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { describe, expect, onTestFinished, test } from 'vitest'
import { exampleNotice, type Incident } from '../../../core/alerts/incident.ts'
import { forgetAll } from '../../../core/ledger/background-jobs.ts'
import { readLedgerFigures } from '../../../core/ledger/figures.ts'
import { type FoundFile, openLedger } from '../../../core/ledger/ledger.ts'
import { computeLogMiss, getDay } from '../../../core/ledger/proof-figures.ts'
import { noProofs } from '../../../core/ledger/proofs.ts'
import { type Message, message } from '../../../core/lib/i18n/message.ts'
import { createWords } from '../../../core/lib/i18n/words.ts'
import { buildReport, type ReportSubject, summarizeDelays } from '../../../core/report/build-report.ts'
import { describeReport } from '../../../core/report/document.ts'
import { parsePeriod } from '../../../core/report/period.ts'
import { reportSchema } from '../../../core/report/report-schema.ts'
import { countRoute, writeRandomLedger } from '../../support/report/random-ledger.ts'
import { file } from '../../support/store/ledger.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const period = parsePeriod('2026-10', 'Europe/Berlin') ?? expect.fail()
const { from, to } = period
const ROUTES = 4
const HOUR_MS = 3_600_000

const SEEDS =
  process.env.HOLDFAST_SEED === undefined ? [1, Date.now() % 1e9] : [Number(process.env.HOLDFAST_SEED)]

test.each(SEEDS)(
  'report figures: those of a random ledger equal a count row by row (HOLDFAST_SEED=%i)',
  (seed) => {
    const file = writeRandomLedger({
      ...{ directory: temporaryDirectory('report'), seed, routes: ROUTES, files: 5_000, from, to },
    })
    const found = readLedgerFigures(file, from, to, 10_000) ?? expect.fail()
    const database = new DatabaseSync(file)
    onTestFinished(() => database.close())
    expect(found.routes).toHaveLength(ROUTES)
    for (const [index, route] of found.routes.entries()) {
      const { delays, parkedFiles, since, source, destination, ...figures } = route
      const { delays: naive, ...counted } = countRoute(database, index + 1, from, to)
      expect(counted.durable.files).toBeGreaterThan(300)
      expect(figures).toEqual(counted)
      expect([...delays]).toEqual(naive)
      expect(parkedFiles).toHaveLength(counted.parked)
      const first = database
        .prepare(
          'SELECT min(min(sent_at) FILTER (WHERE state = 1), min(first_at)) AS at FROM file WHERE route = ?',
        )
        .get(index + 1) as { at: number }
      expect(since).toBe(first.at)
      // The rank of a percentile: so many values are not greater, and with one less it would be too few.
      const { p50 = 0, p99 = 0, max } = summarizeDelays(delays) ?? {}
      const countUpTo = (limit: number) => naive.filter((one) => one <= limit).length
      const countBelow = (limit: number) => naive.filter((one) => one < limit).length
      for (const [share, value] of [
        [0.5, p50],
        [0.99, p99],
      ] as const) {
        expect(countUpTo(value)).toBeGreaterThanOrEqual(share * naive.length)
        expect(countBelow(value)).toBeLessThan(share * naive.length)
      }
      expect(max).toBe(naive.at(-1))
    }
    const expected = database.prepare('SELECT * FROM expected').all() as {
      source: string
      due: number
      arrived_at: number | null
    }[]
    const due = expected.filter((one) => one.due >= from && one.due < to)
    for (const rule of found.expected) {
      const mine = due.filter(({ source }) => source === rule.source)
      expect(rule).toMatchObject({
        expected: mine.length,
        missing: mine.filter((one) => one.arrived_at === null).length,
        late: mine.filter((one) => one.arrived_at !== null && one.arrived_at > one.due).length,
      })
    }
    expect(found.missing).toHaveLength(due.filter((one) => one.arrived_at === null).length)
    const late = due.filter((one) => one.arrived_at !== null && one.arrived_at > one.due)
    expect(found.late).toHaveLength(late.length)
  },
)

const NAMED = [{ id: 's0', name: 'station' }]
const subject: ReportSubject = {
  ...{ scope: 'computer', computer: 'lab', holdfast: '1', period, now: to + 1 },
  sources: NAMED,
  destinations: [{ id: 'd0', name: 'archive' }],
  here: [],
  checked: [{ id: 's0', name: '/data/station' }],
  rules: [{ source: 's0', pattern: '*.dat', everyMinutes: 360, withinMinutes: 60 }],
  routes: [{ source: 's0', destination: 'd0' }],
}
const nothing = {
  ledger: null,
  checks: null,
  incidents: null,
  arrivals: null,
  stations: new Map(),
  notes: [],
}

test('report: a copy that is repaired later keeps its period and its delay, in a row that counts once', () => {
  const at = path.join(temporaryDirectory('report'), 'ledger.db')
  const ledger = openLedger(at)
  onTestFinished(() => ledger.close())
  const next = parsePeriod('2026-11', 'Europe/Berlin') ?? expect.fail()
  const sentAt = from + 9 * HOUR_MS
  const repairedAt = next.from + 50 * HOUR_MS
  const found = (name: string, changes: Partial<FoundFile> = {}) =>
    file(name, {
      source: 's0',
      mtimeNs: BigInt(sentAt - 400) * 1_000_000n,
      inode: BigInt(name.length),
      ...changes,
    })
  const digest = (byte: number) => Buffer.alloc(32, byte)
  const send = (byte: number, now: number) => {
    const claims = ledger.take('d0', 's0', 9, now, new Set())
    return ledger.markSent(
      claims.map((claim) => ({ ...claim, digest: digest(byte), mark: false })),
      now,
    ).size
  }
  const read = ({ from, to }: { from: number; to: number }) => {
    const report = buildReport(
      { ...subject, now: next.to },
      { ...nothing, ledger: readLedgerFigures(at, from, to, 9) },
    )
    return report.transfers?.map(({ durable, delay }) => ({ durable, delay }))
  }
  ledger.offer(
    'd0',
    ['hit', 'lost', 'other', 'stays'].map((name) => found(name)),
  )
  expect(send(1, sentAt)).toBe(4)
  const before = read(period)
  expect(before).toEqual([
    { durable: { files: 4, bytes: 40 }, delay: { files: 4, p50: 400, p99: 400, max: 400 } },
  ])
  const none = [{ durable: { files: 0, bytes: 0 }, delay: null }]

  const damage = {
    source: 's0',
    path: 'hit',
    finding: 'damaged',
    at: repairedAt - 1,
    size: 10,
    digest: null,
  } as const
  ledger.offerDamaged('d0', damage)
  ledger.offerAgain('d0', [['s0', 'lost']])
  // Until it is sent again, the content counts as well.
  expect(read(period)).toEqual(before)
  expect([send(1, repairedAt), read(period), read(next)]).toEqual([2, before, none])
  // It is damaged once more, and its owner is changed.
  ledger.offerDamaged('d0', damage)
  ledger.offer('d0', [found('lost', { ctimeNs: 1n })])
  expect([send(1, repairedAt + 1), read(period), read(next)]).toEqual([2, before, none])

  // New content, and a new time, become durable at their own time.
  const later = { mtimeNs: BigInt(repairedAt - 70) * 1_000_000n }
  ledger.offer('d0', [found('other', later)])
  send(2, repairedAt)
  ledger.offer('d0', [found('stays', later)])
  send(1, repairedAt)
  expect(read(period)).toMatchObject([{ durable: { files: 2 } }])
  expect(read(next)).toMatchObject([{ durable: { files: 2 }, delay: { files: 2, max: 70 } }])
})

test('report: lists are bounded and count the entries that they leave out', () => {
  const file = writeRandomLedger({
    ...{ directory: temporaryDirectory('report'), seed: 7, routes: 2, files: 4_000, from, to },
  })
  const all = readLedgerFigures(file, from, to, 10_000) ?? expect.fail()
  const some = readLedgerFigures(file, from, to, 3) ?? expect.fail()
  const report = reportSchema.parse(
    buildReport({ ...subject, routes: all.routes }, { ...nothing, ledger: some }),
  )
  const parked = all.routes.reduce((sum, one) => sum + one.parked, 0)
  expect(report.missing).toMatchObject({ entries: { length: 3 }, more: all.missing.length - 3 })
  expect(report.late).toMatchObject({ entries: { length: 3 }, more: all.late.length - 3 })
  const [present, former] = report.expected ?? []
  expect(present).toMatchObject({ everyMinutes: 360, withinMinutes: 60 })
  expect(former).toMatchObject({ everyMinutes: null, withinMinutes: null })
  expect(report.parked).toMatchObject({ entries: { length: 6 }, more: parked - 6 })
  expect(report.missing?.entries.map(({ due }) => due)).toEqual(all.missing.slice(0, 3).map(({ due }) => due))
})

test('report: a destination has its samples, verified and healed files, and rounds of 30 days add up', () => {
  const file = path.join(temporaryDirectory('report'), 'ledger.db')
  const ledger = openLedger(file)
  onTestFinished(() => ledger.close())
  const noon = (day: number) => getDay(from) + (24 * day + 12) * HOUR_MS
  const round = { ...noProofs(), files: 231, bytes: 1_000, logMiss: computeLogMiss(231, 1e9) }
  for (let day = 0; day < 32; day += 1)
    ledger.recordProofs('d0', 'sample', noon(day), { ...round, damaged: day === 3 ? 1 : 0 })
  ledger.recordProofs('d0', 'verify', noon(31), { ...round, files: 5, missing: 2 })
  ledger.recordProofs('d0', 'heal', noon(4), { ...noProofs(), files: 2, bytes: 20 })
  const read = (day: number) => {
    const figures = readLedgerFigures(file, getDay(from), getDay(noon(day)), 10)
    const { proofs } = reportSchema.parse(buildReport(subject, { ...nothing, ledger: figures }))
    return proofs?.find(({ destination }) => destination.id === 'd0') ?? expect.fail()
  }
  expect(read(30)).toMatchObject({
    samples: { files: 6_930, bytes: 30_000, damaged: 1, missing: 0 },
    verified: { files: 0 },
    healed: { files: 2, bytes: 20 },
    lastAt: noon(29),
  })
  expect(read(30).confidence).toBeGreaterThanOrEqual(0.999)
  expect(read(32)).toMatchObject({
    samples: { files: 7_392 },
    verified: { files: 5, missing: 2 },
    lastAt: noon(31),
  })
  expect(read(3)).toMatchObject({ samples: { damaged: 0 }, confidence: expect.closeTo(1 - 0.999 ** 693, 6) })
  // A day is kept for 400 days.
  ledger.recordProofs('d0', 'sample', noon(401), round)
  expect(read(30).samples.files).toBeLessThan(6_930)
})

/** A ledger of the destination d0, whose samples are recorded at noon of a day of the period. */
function sampledLedger() {
  const at = path.join(temporaryDirectory('report'), 'ledger.db')
  const ledger = openLedger(at)
  onTestFinished(() => ledger.close())
  const noon = (day: number) => getDay(from) + (24 * day + 12) * HOUR_MS
  const send = (names: readonly string[], now: number) => {
    const found = names.map((name) => file(name, { source: 's0' }))
    ledger.offer('d0', found)
    const claims = ledger.take('d0', 's0', names.length, now, new Set())
    ledger.markSent(
      claims.map((claim) => ({ ...claim, digest: Buffer.alloc(32), mark: false })),
      now,
    )
    return claims
  }
  const sample = (day: number, files: number, population: number) => {
    const logMiss = computeLogMiss(files, population)
    ledger.recordProofs('d0', 'sample', noon(day), { ...noProofs(), files, logMiss })
  }
  const read = (until: number) => {
    const figures = readLedgerFigures(at, from, until, 10)
    const { proofs } = reportSchema.parse(buildReport(subject, { ...nothing, ledger: figures }))
    return proofs?.find(({ destination }) => destination.id === 'd0')?.confidence
  }
  const many = (name: string, count: number) =>
    Array.from({ length: count }, (_, index) => `${name}-${index}`)
  return { ledger, noon, send, sample, read, many }
}

test('report: samples that are older than a file do not show its damage', () => {
  const { noon, send, sample, read, many } = sampledLedger()
  send(many('first', 10), noon(1) - HOUR_MS)
  sample(1, 10, 10)
  expect(read(to)).toBe(1)
  send(many('later', 3), noon(1) + HOUR_MS)
  expect(read(to)).toBeCloseTo(10 / 13, 9)
  expect(read(noon(1) + 1)).toBe(1)
  sample(2, 1, 13)
  expect(read(to)).toBeCloseTo(1 - (3 / 13) * (12 / 13), 9)
  sample(3, 13, 13)
  expect(read(to)).toBe(1)
})

test.each([500, 950, 1_000])(
  'report: %i files that are removed at the source after the samples remain among their files',
  (removed) => {
    const { ledger, noon, send, sample, read, many } = sampledLedger()
    const old = send(many('old', 1_000), noon(1) - HOUR_MS)
    sample(1, 500, 1_000)
    send(many('later', 24), noon(1) + HOUR_MS)
    // Two of the files at the end count as damaged.
    const chance = 1 - ((0.5 * 1_000 + 24) / 1_024) ** 2
    expect(read(to)).toBeCloseTo(chance, 9)
    const gone = old
      .slice(0, removed)
      .map(({ id }, index) => ({ id, end: index % 2 === 0 ? ('removed' as const) : ('absent' as const) }))
    ledger.endRemovals(gone, noon(2))
    expect(read(to)).toBeCloseTo(chance, 9)
  },
)

test('report: two days that are nearly certain are not certain', () => {
  const { sample, read } = sampledLedger()
  sample(1, 900_000, 1_000_000)
  sample(2, 900_000, 1_000_000)
  expect(read(to)).toBeGreaterThan(0.999_999)
  expect(read(to)).toBeLessThan(1)
})

test('report: files that others deleted count although they are back, but not those of an unknown time', () => {
  const at = path.join(temporaryDirectory('report'), 'ledger.db')
  const ledger = openLedger(at)
  onTestFinished(() => ledger.close())
  const sentAt = from + HOUR_MS
  const names = Array.from({ length: 20 }, (_, index) => `run-${index}`)
  const files = names.map((name, index) =>
    file(name, { source: 's0', size: 10, mtimeNs: BigInt(sentAt) * 1_000_000n, inode: BigInt(index + 1) }),
  )
  ledger.offer('d0', files)
  const claims = ledger.take('d0', 's0', 99, sentAt, new Set())
  ledger.markSent(
    claims.map((claim) => ({ ...claim, mark: false })),
    sentAt,
  )
  const read = () => {
    const figures = readLedgerFigures(at, from, to, 9)
    return figures?.routes.map(({ deletedByOthers }) => deletedByOthers)
  }
  ledger.markGone('d0', 's0', names.slice(1), sentAt + HOUR_MS)
  expect(read()).toEqual([{ files: 19, bytes: 190 }])
  ledger.offer('d0', files)
  expect(read()).toEqual([{ files: 19, bytes: 190 }])
  ledger.markGone('d0', 's0', names.slice(0, 1), null)
  expect(read()).toEqual([{ files: 19, bytes: 190 }])
})

test('report: copies on this computer are marked, as they are not safe', () => {
  const ledger = { routes: [], proofs: [], expected: [], missing: [], late: [], forgottenAt: null }
  const isHere = (here: string[]) =>
    buildReport({ ...subject, here }, { ...nothing, ledger }).transfers?.map((one) => one.isHere)
  expect(isHere(['d0'])).toEqual([true])
  expect(isHere([])).toEqual([undefined])
})

test('report: a folder without a file is listed, and a former one only if it has figures', () => {
  const ledger = { routes: [], proofs: [], expected: [], missing: [], late: [], forgottenAt: null }
  const none = buildReport(subject, { ...nothing, ledger })
  expect(none.transfers).toMatchObject([
    { source: NAMED[0], durable: { files: 0 }, delay: null, since: null },
  ])
  const former = {
    ...{
      source: 'gone',
      destination: 'd0',
      delays: new Float64Array(),
      proven: 0,
      parked: 0,
      parkedFiles: [],
    },
    ...{ deletedByHoldfast: { files: 0, bytes: 0 }, deletedByOthers: { files: 0, bytes: 0 } },
    ...{ waiting: { files: 0, bytes: 0 }, since: null, durable: { files: 0, bytes: 0 } },
  }
  const withFormer = (files: number) =>
    buildReport(subject, {
      ...nothing,
      ledger: {
        ...ledger,
        routes: [{ ...former, durable: { files, bytes: 1 }, waiting: { files: 4, bytes: 4 }, parked: 1 }],
      },
    }).transfers?.map(({ source, waiting, parked }) => [source.name, waiting.files, parked])
  expect(withFormer(0)).toEqual([['station', 0, 0]])
  expect(withFormer(1)).toEqual([
    ['station', 0, 0],
    ['gone', 0, 0],
  ])
})

test('report: notes name the part of the period that the data do not cover', () => {
  const keys = (changes: Partial<ReportSubject>, since: number | null = null) =>
    buildReport({ ...subject, ...changes }, { ...nothing, checks: { paths: [], since } }).notes.map(
      ({ key }) => key,
    )
  expect(keys({}, from)).toEqual([])
  expect(keys({})).toEqual(['report.note.noRecords'])
  expect(keys({ now: to - 1 }, from)).toEqual(['report.note.running'])
  expect(keys({ now: from - 1 }, from - 9)).toEqual(['report.note.future'])
  expect(keys({}, from + 1)).toEqual(['report.note.checksSince'])
  expect(keys({}, to + 1)).toEqual(['report.note.checksSince'])
  expect(keys({ now: from + 401 * 86_400_000 }, from)).toEqual(['report.note.kept'])
})

test('report: a period before the first sent file, or with a folder that was removed since, has a note', async () => {
  const at = path.join(temporaryDirectory('report'), 'ledger.db')
  const ledger = openLedger(at)
  onTestFinished(() => ledger.close())
  const past = parsePeriod('2001-10', 'UTC') ?? expect.fail()
  const read = (now: number) => {
    const figures = readLedgerFigures(at, past.from, past.to, 1)
    return buildReport({ ...subject, period: past, now }, { ...nothing, ledger: figures }).notes
  }
  const sentAt = past.to + HOUR_MS
  ledger.offer('d0', [file('a', { source: 's0' })])
  ledger.markSent(
    ledger.take('d0', 's0', 1, Date.now(), new Set()).map((claim) => ({ ...claim, mark: false })),
    sentAt,
  )
  expect(read(sentAt)).toEqual([{ key: 'report.note.transfersSince', params: { at: sentAt } }])
  // A removed folder that had no record changes nothing.
  await forgetAll(ledger, 'other', () => true)
  expect(read(sentAt)).toHaveLength(1)
  await forgetAll(ledger, 's0', () => true)
  expect(read(sentAt)).toEqual([{ key: 'report.note.forgotten', params: { at: expect.any(Number) } }])
})

test('report: availability is the share of good checks, and hours without a check count as not measured', () => {
  const paths = [{ id: 's0', checks: 1_000, good: 990, hours: 186 }]
  const report = buildReport(subject, { ...nothing, checks: { paths, since: from } })
  // October has 745 hours where the clock is put back on its last Sunday.
  expect(report.availability).toMatchObject([
    { path: { name: '/data/station' }, percent: 99, measuredPercent: (100 * 186) / 745 },
  ])
  const unchecked = buildReport(subject, { ...nothing, checks: { paths: [], since: null } })
  expect(unchecked.availability).toMatchObject([{ percent: null, measuredPercent: 0 }])
})

test('report: an incident of expected files names the files of its sentence', () => {
  const { incident } = exampleNotice('failed', from)
  const subjectsOf = (sentence: Message) => {
    const lacks = { ...incident, kind: 'expected', paths: { 'expected:s0': 'station' }, sentence } as const
    const report = buildReport(subject, { ...nothing, incidents: { incidents: [lacks], count: 1 } })
    return report.incidents?.entries[0]?.subjects
  }
  const shown = { name: 'station', due: from }
  const dated = message('condition.expected', { ...shown, file: 'a.dat', count: 1 })
  expect(subjectsOf(dated)).toEqual(['station', 'a.dat'])
  const any = message('condition.lacksAny', { ...shown, file: '*', files: '*, *', pattern: '*', count: 2 })
  expect(subjectsOf(any)).toEqual(['station'])
  // The names in the sentence of another incident are no files that it lacks.
  const other = { ...incident, kind: 'missing', paths: { s0: 'station' }, sentence: dated } as const
  const report = buildReport(subject, { ...nothing, incidents: { incidents: [other], count: 1 } })
  expect(report.incidents?.entries[0]?.subjects).toEqual(['station'])
})

test('report: the silences of a station are those of `holdfast receive` and of an agent, within the period', () => {
  const { incident } = exampleNotice('failed', from)
  const silence = (id: string, startedAt: number, endedAt: number | null) =>
    ({ ...incident, kind: 'sender-silent', paths: { [id]: 'x' }, startedAt, endedAt }) as const
  const incidents = [
    silence('silent:one', from - HOUR_MS, from + HOUR_MS),
    silence('sender:silent:one', to - HOUR_MS, null),
    silence('sender:silent:other', from, to),
  ]
  const stations = new Map([
    ['one', 'Station 1'],
    ['two', 'Station 2'],
  ])
  const report = buildReport(
    { ...subject, now: to + 5 * HOUR_MS },
    { ...nothing, arrivals: { folders: [], since: from }, stations, incidents: { incidents, count: 3 } },
  )
  expect(report.stations?.entries).toMatchObject([
    { name: 'Station 1', gaps: 2, gapMs: 2 * HOUR_MS, firstAt: null },
    { name: 'Station 2', gaps: 0, gapMs: 0 },
  ])
})

test('report: a ledger is not changed by reading, and a broken one is explained', () => {
  const file = path.join(temporaryDirectory('report'), 'ledger.db')
  expect(readLedgerFigures(file, from, to, 1)).toBeNull()
  new DatabaseSync(file).exec('CREATE TABLE other (x)')
  expect(() => readLedgerFigures(file, from, to, 1)).toThrow(
    expect.objectContaining({ sentence: expect.objectContaining({ key: 'report.ledgerUnread' }) }),
  )
})

describe('report: causes of disk failures', () => {
  const { incident } = exampleNotice('failed', from)
  const reset = (span: number) => [message('cause.ataResetRepeated', { device: 'ata3', count: 4, span })]
  const failure = (kind: Incident['kind'], cause?: Message[]): Incident => ({
    ...incident,
    kind,
    ...(cause && { cause }),
  })
  /** A failure of another computer, as `holdfast receive` and an agent record it. */
  const reported = (name: string, said: Message, hour: number, cause: Message[]): Incident => {
    const sentence = message('transfer.senderReports', { ...said.params, sender: name, said: said.key })
    const startedAt = from + hour * HOUR_MS
    return { ...failure('sender-failing', cause), paths: { [name]: name }, sentence, startedAt }
  }
  const make = (...incidents: Incident[]) => {
    const report = buildReport(subject, { ...nothing, incidents: { incidents, count: incidents.length } })
    const all = describeReport(report, createWords('en'), 'en').sections
    return { causes: report.causes, section: all.find(({ id }) => id === 'causes') }
  }

  test('they are counted by kind and cause, the most frequent first', () => {
    const once = [message('cause.ataReset', { device: 'ata3' })]
    const { section } = make(
      ...[failure('read-only', once), failure('read-only'), failure('read-only', reset(2_000))],
      ...[failure('hung', []), failure('unreachable')],
    )
    expect(section?.rows.map((row) => [row[0], row[1], row.at(-1)])).toEqual([
      ['Read-only', '2 of 3', expect.stringContaining('2 sec')],
      ['Read-only', '1 of 3', 'Unknown'],
      ['Not responding', '1 of 1', 'Unknown'],
    ])
    expect(make(failure('unreachable')).section).toBeUndefined()
  })

  test('those that other computers report count with those of this one, also beyond the listed incidents', () => {
    const disk = message('status.disk.read-only', { name: 'data' })
    const { causes, section } = make(
      ...[failure('read-only', reset(1_000)), reported('a', disk, 2, reset(2_000))],
      ...[
        reported('b', disk, 2, reset(3_000)),
        reported('b', disk, 26, reset(4_000)),
        reported('c', disk, 9, []),
      ],
      reported('d', message('status.parked', { name: 'data', count: 1 }), 2, []),
      ...Array.from({ length: 600 }, () => reported('a', disk, 5, reset(5_000))),
    )
    expect(section?.columns.map(({ label }) => label)).toEqual([
      ...['Failure', 'Times', 'Computers', 'Most frequent hours', 'Cause'],
    ])
    expect(section?.rows).toEqual([
      ['Read-only', '604 of 605', '3', '05:00 (600), 02:00 (3)', expect.stringContaining('5 sec')],
      ['Read-only', '1 of 605', '1', '–', 'Unknown'],
    ])
    expect(causes[0]).toMatchObject({ kind: 'read-only', count: 604, of: 605, computers: 3 })
    expect(causes[1]?.hours.indexOf(1)).toBe(9)
  })

  test('neither the computers nor the hours have a column where they are all the same', () => {
    const { section } = make(failure('read-only', reset(1_000)), failure('hung'))
    expect(section?.rows.map(({ length }) => length)).toEqual([3, 3])
  })
})
