import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { countCells } from '../../../cli/terminal/columns.ts'
import { commands } from '../../../core/agent/contract.ts'
import { sendCommand } from '../../../core/agent/control-socket.ts'
import { openAlertDatabase } from '../../../core/alerts/store/database.ts'
import { getDueTime, getLastPeriod, getLocalZone } from '../../../core/report/period.ts'
import { reportSchema } from '../../../core/report/report-schema.ts'
import { holdfast, pairWith, startReceiver, untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { recordingServer } from '../../support/servers/recording-server.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const FILES = 12
const DAY_MS = 86_400_000

/** An agent that has sent files of ten bytes to a receiver. */
async function startAgent() {
  const root = path.join(
    temporaryDirectory('report'),
    'a-station-with-a-name-that-is-much-longer-than-a-column',
  )
  const data = temporaryDirectory('report-data')
  mkdirSync(root)
  const receiver = await startReceiver('archive')
  await pairWith(receiver, data, 'lab')
  const agent = startHoldfast(['agent', '--data', data, root])
  for (let index = 0; index < FILES; index += 1) writeFileSync(path.join(root, `file-${index}`), '0123456789')
  await untilState(data, 'all files to be sent', ({ totals }) => totals.sentFiles === FILES, 60_000)
  // The history is written every ten seconds, and again when the agent ends.
  await until('a check in the history', async () => {
    const { availability } = await readReport(data)
    return availability?.every(({ checks }) => checks > 0)
  })
  return { root, data, agent, receiver }
}

const day = (at: number) => new Date(at).toISOString().slice(0, 10)
/** From yesterday to tomorrow: midnight may pass. */
const SPAN = ['--from', day(Date.now() - DAY_MS), '--to', day(Date.now() + DAY_MS), '--zone', 'UTC']
const report = (data: string, ...words: string[]) => holdfast(['report', ...SPAN, ...words, '--data', data])
const readReport = async (data: string) => reportSchema.parse(JSON.parse(await report(data, '--json')))

test('report: the figures of a real agent, in each format, from the command line, the API and the receiver', async () => {
  const { root, data, agent, receiver } = await startAgent()
  const name = path.basename(root)
  const found = await readReport(data)
  expect(found).toMatchObject({
    ...{ version: 1, scope: 'computer', period: { kind: 'days', zone: 'UTC' }, stations: null },
    transfers: [
      {
        ...{
          source: { name },
          destination: { name: 'archive' },
          durable: { files: FILES, bytes: 10 * FILES },
        },
        ...{ delay: { files: FILES }, waiting: { files: 0 }, parked: 0 },
      },
    ],
    availability: [{ path: { name: root }, percent: 100 }],
  })
  const { p50 = 0, p99 = 0, max = 0 } = found.transfers?.[0]?.delay ?? {}
  expect(p50).toBeGreaterThan(0)
  expect(p99).toBeGreaterThanOrEqual(p50)
  expect(max).toBeLessThan(60_000)

  const { notes } = JSON.parse(await report(data, '--json'))
  const since = notes.find(({ key }: { key: string }) => key === 'report.note.checksSince')
  expect(since.text).toContain(`begins at ${new Date(since.params.at).toISOString()}.`)
  const text = await report(data)
  const tooWide = text.split('\n').filter((line) => countCells(line) > 100)
  expect(tooWide).toEqual([])
  // The archive is on loopback: this computer.
  expect(text).toMatch(/12 copies \(120 B\) are on this computer, where they are not safe\./)
  expect(await report(data, '--format', 'csv')).toContain(`\r\ntransfer,${name},archive,,,,12,120,12,`)
  const html = await report(data, '--format', 'html')
  expect(html).toMatch(/^<!doctype html>/)
  expect(html).toContain(name)

  const { period } = found
  const asked = { period: period.name, zone: 'UTC' }
  const answer = commands.report.output.parse(await sendCommand(data, 'report', asked))
  expect(answer.report.transfers).toEqual(found.transfers)
  expect(answer.months[1]).toBe(getLastPeriod('month', Date.now(), 'UTC').name)
  await expect(sendCommand(data, 'report', { period: 'then' })).rejects.toMatchObject({
    sentence: { key: 'report.notPeriod' },
  })

  const stations = reportSchema.parse(
    JSON.parse(await holdfast(['report', ...SPAN, '--store', receiver.store, '--json'])),
  )
  expect(stations).toMatchObject({
    ...{ scope: 'store', transfers: null },
    stations: { entries: [{ name: 'lab', arrived: { files: FILES, bytes: 10 * FILES }, gaps: 0 }] },
  })

  // Without an agent the files are the same.
  agent.child.kill('SIGTERM')
  await agent.ended()
  expect((await readReport(data)).transfers).toEqual(found.transfers)
})

test.each([
  [['--month', '2026-13'], /is not a period/],
  [
    ['--from', '2026-10-11', '--to', '2026-10-05'],
    /The first day, 2026-10-11, is after the last day, 2026-10-05\./,
  ],
  [['--from', '2999-01-01'], /The first day, 2999-01-01, is after the last day, 2\d{3}-\d\d-\d\d\./],
  [['--month', '2026-10', '--week', '2026-W41'], /cannot be used with/],
  [['--to', '2026-10-05'], /--to needs --from/],
  [['--from', '2026-11-31'], /It must be a day/],
  [['--month', '2026-10', '--zone', 'Here'], /is not a time zone/],
])('report %j is refused as a wrong usage', async (words, reason) => {
  const command = startHoldfast(['report', ...words, '--data', temporaryDirectory('report-data')])
  expect(await command.ended()).toBe(2)
  expect(command.err()).toMatch(reason)
})

test('report of a store: a directory that is no store is an error, and not a report without figures', {
  tags: 'story',
}, async () => {
  const command = startHoldfast(['report', '--store', temporaryDirectory('report'), '--json'])
  expect(await command.ended()).toBe(1)
  expect(command.out()).toBe('')
  expect(command.err()).toMatch(/is not a store/)
})

test('regular report: without a channel the schedule is set, and the command fails and names the report of now', {
  tags: 'story',
}, async () => {
  const data = temporaryDirectory('report-data')
  const command = startHoldfast(['report', 'schedule', 'month', '--data', data])
  expect(await command.ended()).toBe(1)
  const month = getLastPeriod('month', Date.now(), getLocalZone()).name
  expect(command.out()).toMatch(/No channel gets it/)
  expect(command.out()).toContain(`holdfast report --month ${month}`)
  expect(await holdfast(['report', 'schedule', '--data', data])).toMatch(/No channel gets it/)
})

test('regular report: a channel gets the report of the last period once, also after a restart', async () => {
  const server = await recordingServer()
  const data = temporaryDirectory('report-data')
  const zone = getLocalZone()
  // At night of the first day of a month, only the report of the week may be due.
  const every = Date.now() >= getDueTime(getLastPeriod('month', Date.now(), zone)) ? 'month' : 'week'
  const last = getLastPeriod(every, Date.now(), zone)
  const channels = [
    { id: 'hook', name: 'Hook', type: 'webhook', severity: 'critical' },
    { id: 'other', name: 'Other', type: 'webhook' },
  ]
  const settings = { sources: [], alerts: { channels } }
  const owners = Object.fromEntries(
    channels.map(({ id }) => [id, { url: { plain: `${server.origin}/${id}` } }]),
  )
  writeFileSync(path.join(data, 'settings.json'), JSON.stringify(settings))
  writeFileSync(path.join(data, 'secrets.json'), JSON.stringify({ version: 2, owners }), { mode: 0o600 })
  expect(await holdfast(['report', 'schedule', '--data', data])).toMatch(/No report is sent/)
  expect(await holdfast(['report', 'schedule', every, '--to', 'hook', '--data', data])).toMatch(
    /Channels: Hook/,
  )
  // The agent has last sent a report long ago.
  const database = openAlertDatabase(path.join(data, 'alerts.db'))
  database.commit({
    policy: null,
    incidents: [],
    entries: [],
    reported: { mark: { every, period: '2001-01' } },
  })
  database.close()

  const readMark = () => {
    const opened = openAlertDatabase(path.join(data, 'alerts.db'))
    const { mark } = opened.reported()
    opened.close()
    return mark?.period
  }
  const first = startHoldfast(['agent', '--data', data])
  await until('the report', () => server.requests.length > 0)
  const [request = expect.fail()] = server.requests
  expect(request.path).toBe('/hook')
  expect(JSON.parse(request.body)).toMatchObject({
    ...{ what: 'report', about: `report ${last.name}`, urgent: false },
    incident: { kind: 'report', severity: 'info', paths: [] },
    title: expect.stringMatching(/^Report of /),
    body: expect.stringMatching(/copies of files .* became durable/),
  })
  await until('the mark', () => readMark() === last.name)
  first.child.kill('SIGTERM')
  await first.ended()

  const second = startHoldfast(['agent', '--data', data])
  await untilState(data, 'the second run', ({ channels: all }) => all.length > 0)
  expect(await holdfast(['report', 'schedule', 'off', '--data', data])).toMatch(/No report is sent/)
  await until('the mark to be removed', () => readMark() === undefined)
  second.child.kill('SIGTERM')
  await second.ended()
  expect(server.requests).toHaveLength(1)
})
