import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { type AppState, appStateSchema } from '../../../core/agent/state/schema.ts'
import type { IncidentKind } from '../../../core/alerts/kinds.ts'
import { holdfast, pairWith, startReceiver, untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { recordingServer } from '../../support/servers/recording-server.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const UNREACHABLE_MINUTES = 0.1

/** Which incidents of a kind `holdfast status --json` has. */
async function readIncidents(data: string, kind: IncidentKind): Promise<AppState['incidents']> {
  const status = startHoldfast(['status', '--data', data, '--json'])
  await status.ended()
  const { incidents } = appStateSchema.parse(JSON.parse(status.out()))
  return incidents.filter((one) => one.kind === kind)
}

test('incidents: a parked file and an unreachable receiver are notified once and on recovery; a refusal is recorded', {
  timeout: 600_000,
}, async () => {
  const server = await recordingServer()
  const [data, source] = [temporaryDirectory('tells-data'), temporaryDirectory('tells')]
  const line = { endpoint: `${server.origin}/line` }
  const alerts = {
    unreachableMinutes: UNREACHABLE_MINUTES,
    labels: { project: 'P', resource: 'R' },
    channels: [
      { id: 'hook', name: 'Hook', type: 'webhook' },
      { id: 'line', name: 'Line', type: 'line-notify', options: line },
    ],
  }
  const sources = [{ id: 'photos', path: source, name: 'photos' }]
  const settings = { alerts, sources, send: { retrySeconds: 1 }, check: { intervalSeconds: 1 } }
  const secrets = { hook: { url: { plain: `${server.origin}/hook` } }, line: { token: { plain: 'a token' } } }
  writeFileSync(path.join(data, 'settings.json'), JSON.stringify(settings))
  writeFileSync(path.join(data, 'secrets.json'), JSON.stringify({ version: 2, owners: secrets }), {
    mode: 0o600,
  })
  const posted = (channel: string) => server.requests.filter((one) => one.path === `/${channel}`)
  const told = () =>
    posted('hook').map(({ body }) => {
      const { what, about, incident } = JSON.parse(body)
      return { what, about, kind: incident.kind, severity: incident.severity, paths: incident.paths }
    })
  const lines = () => posted('line').map(({ body }) => new URLSearchParams(body).get('message') ?? '')
  const untilTold = (count: number) =>
    until(
      `${count} notices in each channel`,
      () => told().length >= count && lines().length >= count,
      120_000,
    )

  const receiver = await startReceiver('cellar')
  await pairWith(receiver, data, 'station')
  writeFileSync(path.join(source, 'first'), 'first')
  const agent = startHoldfast(['agent'], { HOLDFAST_HOME: data })
  await untilState(data, 'the file to be sent', ({ totals }) => totals.sentFiles === 1)

  // A file that the receiver cannot store.
  const stored = path.join(receiver.store, 'station', 'photos')
  symlinkSync(temporaryDirectory('elsewhere'), path.join(stored, 'run'))
  mkdirSync(path.join(source, 'run'))
  writeFileSync(path.join(source, 'run', '1.raw'), 'raw')
  await untilTold(1)
  expect(told()[0]).toMatchObject({ what: 'failed', kind: 'parked', severity: 'critical', paths: ['photos'] })
  const [parked] = await readIncidents(data, 'parked')
  expect(parked).toMatchObject({ id: told()[0]?.about, endedAt: null, told: true, sources: ['photos'] })
  expect(parked?.sentence.params).toMatchObject({ count: 1, file: 'run/1.raw' })
  const status = startHoldfast(['status', '--data', data])
  expect(await status.ended()).toBe(1)
  expect(status.out()).toContain('run/1.raw')
  rmSync(path.join(source, 'run'), { recursive: true })
  await untilTold(2)
  expect(told()[1]).toMatchObject({ what: 'recovered', about: told()[0]?.about })

  // A receiver that is away.
  const [{ address = '' } = {}] = (await untilState(data, 'it', () => true)).destinations
  receiver.command.child.kill('SIGTERM')
  await receiver.command.ended()
  const stoppedAt = Date.now()
  await untilTold(3)
  const unreachableMs = UNREACHABLE_MINUTES * 60_000
  expect(Date.now() - stoppedAt).toBeGreaterThan(unreachableMs - 1_000)
  const away = { what: 'failed', kind: 'unreachable', severity: 'warning', paths: ['cellar'] }
  expect(told()[2]).toMatchObject(away)
  expect(lines()[2]).toBe('\n[PROJ_CODE] P, in R\n>>> Unreachable: cellar')
  const isAway = { id: told()[2]?.about, endedAt: null, told: true }
  const [before] = await readIncidents(data, 'unreachable')
  expect(before).toMatchObject(isAway)
  // It lasts over a restart: the same incident, as old as it was, of which nobody is told again.
  agent.child.kill('SIGTERM')
  await agent.ended()
  startHoldfast(['agent'], { HOLDFAST_HOME: data })
  await untilState(data, 'it to be away again, since the same time', ({ destinations }) =>
    destinations.some(
      ({ connection }) => connection.state === 'unreachable' && connection.since === before?.startedAt,
    ),
  )
  const lasting = await until('its incidents to be read', async () => {
    const found = await readIncidents(data, 'unreachable')
    return found.length > 0 && found
  })
  expect(lasting).toMatchObject([{ ...isAway, startedAt: before?.startedAt }])
  expect(told()).toHaveLength(3)
  const port = new URL(`tcp://${address}`).port
  const again = startHoldfast(['receive', '--store', receiver.store, '--host', '127.0.0.1', '--port', port])
  await untilTold(4)
  expect(told()[3]).toMatchObject({ what: 'recovered', about: told()[2]?.about })
  expect(JSON.parse(posted('hook')[3]?.body ?? '').body).toMatch(
    /^cellar is back\. It was unreachable for \d+ sec/,
  )

  // A receiver that has revoked this computer: known at once, told when it lasts.
  await holdfast(['stations', 'revoke', 'station', '--store', receiver.store])
  again.child.kill('SIGTERM')
  await again.ended()
  startHoldfast(['receive', '--store', receiver.store, '--host', '127.0.0.1', '--port', port])
  const refused = await until('it to be refused', async () => {
    const [one] = await readIncidents(data, 'refused')
    return one
  })
  expect(refused).toMatchObject({ endedAt: null, told: false, acknowledged: null })
  expect(told()).toHaveLength(4)
  expect(lines()).toHaveLength(4)
})
