import path from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { parsePeriod } from '../../core/report/period.ts'
import { readReport } from '../../core/report/read-report.ts'
import { requestComputerReport } from '../../core/report/report-request.ts'
import { defaultSettings } from '../../core/settings/schema.ts'
import { countRoute, writeRandomLedger } from '../support/report/random-ledger.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const FILES = 1_000_000
const ROUTES = 4
/** The report of a million files takes about a second if the ledger is in memory. */
const MOST_SECONDS = 5

test('report: a million files take at most five seconds, and equal a count row by row', async () => {
  const directory = temporaryDirectory('report')
  const period = parsePeriod('2026-10', 'Asia/Taipei') ?? expect.fail()
  const { from, to } = period
  const seed = Number(process.env.HOLDFAST_SEED ?? Date.now() % 1e9)
  console.log(`HOLDFAST_SEED=${seed}`)
  const file = writeRandomLedger({ directory, seed, routes: ROUTES, files: FILES, from, to })
  const layout = {
    ledger: file,
    history: path.join(directory, 'history.db'),
    alerts: path.join(directory, 'alerts.db'),
  }
  const maker = { computer: 'lab', holdfast: '1', now: to + 1 }
  const began = performance.now()
  const report = await readReport(requestComputerReport(defaultSettings, layout, period, maker))
  const seconds = (performance.now() - began) / 1_000
  console.log(`report of ${FILES} files: ${seconds.toFixed(2)} s`)
  const database = new DatabaseSync(file)
  onTestFinished(() => database.close())
  const routes = database.prepare('SELECT id, source, destination FROM route').all() as {
    id: number
    source: string
    destination: string
  }[]
  expect(report.transfers).toHaveLength(ROUTES)
  for (const { id, source, destination } of routes) {
    const { delays, ...counted } = countRoute(database, id, from, to)
    const at = (share: number) => delays[Math.ceil(share * delays.length) - 1]
    expect(
      report.transfers?.find((one) => one.source.id === source && one.destination.id === destination),
    ).toMatchObject({
      ...counted,
      delay: { files: delays.length, p50: at(0.5), p99: at(0.99), max: delays.at(-1) },
    })
  }
  expect(seconds).toBeLessThan(MOST_SECONDS)
})
