// @module-tag story
import { expect, test } from 'vitest'
import { notifierConfig } from '../../support/alerts/notifier-config.ts'
import { databaseFile, startNotifier } from '../../support/alerts/notifier-world.ts'
import { recordingServer } from '../../support/servers/recording-server.ts'
import { until } from '../../support/until.ts'

const TEXT = {
  ...{
    id: 'report 2026-10',
    title: 'Report of lab-3: October 2026',
    body: '12 copies of files became durable.',
  },
  attachment: { name: 'holdfast-2026-10.html', html: '<!doctype html>' },
}
const MARK = { every: 'month', period: '2026-10' } as const

test('regular report: it goes to all channels but standbys and those that are off, or to the chosen ones', async () => {
  const server = await recordingServer()
  const file = databaseFile()
  const config = notifierConfig(
    server.origin,
    {
      critical: { severity: 'critical' },
      one: { sources: ['a'] },
      off: { enabled: false },
      spare: { standby: true },
    },
    { file },
  )
  const { notifier, states } = startNotifier(config)
  // A busy disk may answer too late.
  expect(await until('the mark', () => notifier.reported())).toEqual({ mark: null })
  await until('it to be stored', () => notifier.sendReport(TEXT, null, MARK))
  // The same report again, as after a mark that could not be stored.
  await notifier.sendReport(TEXT, null, MARK)
  const paths = () => server.requests.map(({ path }) => path).sort()
  await until('two channels to have it', () => paths().length >= 2)
  await notifier.sendReport({ ...TEXT, id: 'report 2026-11' }, ['spare', 'off'], {
    ...MARK,
    period: '2026-11',
  })
  await until('the chosen one to have it', () => paths().length >= 3)
  await until('nothing to wait', () => states().every(({ waiting }) => waiting === 0))
  expect(paths()).toEqual(['/critical', '/one', '/spare'])
  const [{ body } = expect.fail()] = server.requests
  expect(JSON.parse(body)).toMatchObject({
    ...{ what: 'report', title: TEXT.title, body: TEXT.body, urgent: false },
    incident: { kind: 'report', severity: 'info', paths: [], sentence: TEXT.body },
  })
  // Only mail has the page.
  expect(body).not.toContain('doctype')
  expect(await notifier.reported()).toEqual({ mark: { every: 'month', period: '2026-11' } })
  await notifier.sendReport(null, null, null)
  expect(await notifier.reported()).toEqual({ mark: null })
})

test('regular report: a report that cannot be delivered waits for the next run of the agent', async () => {
  const server = await recordingServer()
  server.answer({ status: 503 })
  const config = notifierConfig(server.origin, { hook: {} }, { file: databaseFile() })
  const first = startNotifier(config)
  await first.notifier.sendReport(TEXT, null, MARK)
  await until('an attempt', () => server.requests.length > 0)
  await first.notifier.stop()
  const failed = server.requests.length
  server.answer({ status: 200 })
  const second = startNotifier(config)
  await until('the delivery', () => server.requests.length > failed)
  await until('nothing to wait', () => second.states().every(({ waiting }) => waiting === 0))
  expect(await second.notifier.reported()).toEqual({ mark: MARK })
})
