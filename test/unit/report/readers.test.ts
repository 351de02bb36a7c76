import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { exampleNotice } from '../../../core/alerts/incident.ts'
import { openAlertDatabase, readIncidentsWithin } from '../../../core/alerts/store/database.ts'
import { readCheckSums } from '../../../core/check/history/history-store.ts'
import { readReport } from '../../../core/report/read-report.ts'
import { choosePeriod, requestStoreReport } from '../../../core/report/report-request.ts'
import { storeLayout } from '../../../core/store/layout.ts'
import { openManifestFile } from '../../../core/store/manifest/manifest.ts'
import { readArrivals } from '../../../core/store/query/arrivals.ts'
import { HOUR, MINUTE, open, START, sumUp, write } from '../../support/check/history.ts'
import { createRandom } from '../../support/report/random-ledger.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

test('check sums: each check of the period counts once, before and after it is summed up', () => {
  const { file, store } = open()
  const random = createRandom(5)
  const kinds = ['ok', 'slow', 'hung', 'io-error'] as const
  const given = Array.from({ length: 900 }, (_, index) => ({
    ...{ id: index % 2 === 0 ? 'a' : 'b', at: START + index * 20_000 },
    kind: kinds[Math.floor(random() * kinds.length)] ?? 'ok',
  }))
  // No check for an hour.
  const kept = given.filter(({ at }) => at < START + HOUR || at >= START + 2 * HOUR)
  write(store, kept)
  const [from, to] = [START + HOUR / 2, START + 4 * HOUR]
  const count = (id: string) => {
    const mine = kept.filter((one) => one.id === id && one.at >= from && one.at < to)
    const good = mine.filter(({ kind }) => kind === 'ok' || kind === 'slow')
    return { id, checks: mine.length, good: good.length, hours: 3 }
  }
  const expected = { paths: [count('a'), count('b')], since: START }
  expect(expected.paths[0]?.checks).toBeGreaterThan(200)
  expect(readCheckSums(file, from, to)).toEqual(expected)
  // Whole hours are counted then: the half hour at the beginning is part of an hour that began before the period.
  sumUp(store, START + 30 * 24 * HOUR)
  const whole = (id: string) => kept.filter((one) => one.id === id && one.at >= START && one.at < to).length
  expect(readCheckSums(file, START, to)?.paths.map(({ checks }) => checks)).toEqual([whole('a'), whole('b')])
})

test('incidents of a period: those that overlap it, oldest first, with the number of all', () => {
  const directory = temporaryDirectory('report')
  const file = path.join(directory, 'alerts.db')
  expect(readIncidentsWithin(file, 0, 1, 1)).toEqual({ incidents: [], count: 0 })
  const database = openAlertDatabase(file)
  onTestFinished(() => database.close())
  const make = (id: string, noticedAt: number, endedAt: number | null) => ({
    ...exampleNotice('failed', noticedAt).incident,
    ...{ id, endedAt },
  })
  const incidents = [
    make('before', 10, 20),
    make('into', 10, 101),
    make('within', 120, 130),
    make('lasting', 150, null),
    make('after', 200, 210),
  ]
  database.commit({ policy: null, incidents, entries: [] })
  const read = (most: number) => readIncidentsWithin(file, 100, 200, most)
  expect(read(10).incidents.map(({ id }) => id)).toEqual(['into', 'within', 'lasting'])
  expect(read(2)).toMatchObject({ incidents: { length: 2 }, count: 3 })
})

/** Creates a manifest with contents of two senders; the second one sent nothing in October. */
function createStore() {
  const layout = storeLayout(path.join(temporaryDirectory('report'), 'store'))
  mkdirSync(layout.own, { recursive: true })
  const { database } = openManifestFile(layout.manifest)
  database.exec("INSERT INTO sender VALUES ('one', 0, 0, 0, 0, NULL), ('two', 0, 0, 0, 0, NULL)")
  database.exec("INSERT INTO source VALUES (1, 'one', 'a'), (2, 'one', 'b'), (3, 'two', 'a')")
  const add = database.prepare(
    `INSERT INTO file (source, key, version, size, mtime_s, mtime_ns, mode, uid, gid, digest, stored_at, position)
     VALUES (?, ?, ?, ?, 0, 0, 0, 0, 0, x'', ?, 0)`,
  )
  const at = (text: string) => Date.parse(text)
  add.run(1, 'x', '', 10, at('2026-10-03T00:00Z'))
  add.run(1, 'x', 'old', 5, at('2026-10-02T00:00Z'))
  add.run(1, 'y', '', 100, at('2026-09-30T23:59Z'))
  add.run(2, 'x', '', 1, at('2026-10-31T23:59Z'))
  add.run(3, 'x', '', 7, at('2026-11-01T00:00Z'))
  database.close()
  return layout
}

test('report of a store: all stations, with what arrived in the period', async () => {
  const layout = createStore()
  const period = choosePeriod('2026-10', 'UTC', Date.now())
  const { from, to } = period
  expect(readArrivals(layout.manifest, from, to)).toEqual({
    folders: [
      { folder: 'one', files: 3, bytes: 16, firstAt: from + 24 * HOUR, lastAt: to - MINUTE },
      { folder: 'two', files: 0, bytes: 0, firstAt: null, lastAt: null },
    ],
    since: from - MINUTE,
  })
  const alerts = path.join(layout.own, 'alerts.db')
  const database = openAlertDatabase(alerts)
  const silent = {
    ...exampleNotice('failed', from - HOUR).incident,
    ...({ kind: 'sender-silent', paths: { 'silent:two': 'two' }, endedAt: from + 2 * HOUR } as const),
  }
  database.commit({ policy: null, incidents: [silent], entries: [] })
  database.close()
  const maker = { computer: 'archive', holdfast: '1', now: to }
  const report = await readReport(requestStoreReport(layout.root, alerts, period, maker))
  expect(report).toMatchObject({ scope: 'store', transfers: null, availability: null, notes: [] })
  expect(report.stations?.entries).toMatchObject([
    { name: 'one', arrived: { files: 3, bytes: 16 }, gaps: 0, gapMs: 0 },
    { name: 'two', arrived: { files: 0 }, gaps: 1, gapMs: 2 * HOUR },
  ])
})

test('report of a store: a period before its first content has a note', async () => {
  const layout = createStore()
  const period = choosePeriod('2026-08', 'UTC', Date.now())
  const maker = { computer: 'archive', holdfast: '1', now: Date.parse('2026-11-02T00:00Z') }
  const alerts = path.join(layout.own, 'alerts.db')
  const { notes } = await readReport(requestStoreReport(layout.root, alerts, period, maker))
  expect(notes).toEqual([
    { key: 'report.note.arrivalsSince', params: { at: Date.parse('2026-09-30T23:59Z') } },
  ])
})

test('report of a store: without a manifest the report has a note instead of zeros', async () => {
  const root = temporaryDirectory('report')
  const maker = { computer: 'archive', holdfast: '1', now: Date.now() }
  const period = choosePeriod(null, null, maker.now)
  const report = await readReport(requestStoreReport(root, path.join(root, 'alerts.db'), period, maker))
  expect(report.stations).toBeNull()
  expect(report.notes).toMatchObject([{ key: 'store.manifestNone' }])
})
