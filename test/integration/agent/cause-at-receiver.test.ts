import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { reportSchema } from '../../../core/report/report-schema.ts'
import { askAgent } from '../../support/agent/answers.ts'
import { holdfast, readState, untilState } from '../../support/agent/two-receivers.ts'
import { parseEntries } from '../../support/alerts/headless.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { canMount, mountExt4, triggerExt4Error } from '../../support/faults/mounts.ts'
import { recordingServer } from '../../support/servers/recording-server.ts'
import { freePort } from '../../support/servers/sftp.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

/** An agent that receives, and sends notifications in LINE Notify's form to a server of the test. */
async function receiving() {
  const server = await recordingServer()
  const data = temporaryDirectory('hub')
  const store = path.join(temporaryDirectory('store'), 'store')
  const options = { endpoint: `${server.origin}/notify` }
  const channels = [{ id: 'line', type: 'line-notify', name: 'LINE', options }]
  writeFileSync(path.join(data, 'settings.json'), JSON.stringify({ version: 1, alerts: { channels } }))
  const secrets = { version: 2, owners: { line: { token: { plain: 'token' } } } }
  writeFileSync(path.join(data, 'secrets.json'), JSON.stringify(secrets), { mode: 0o600 })
  startHoldfast(['agent', '--data', data])
  await until('the receiving agent', () => readState(data))
  const on = ['receive', 'on', store, '--host', '127.0.0.1', '--port', String(await freePort())]
  await holdfast([...on, '--failing-minutes', '0', '--data', data])
  const messages = () => server.requests.map(({ body }) => new URLSearchParams(body).get('message') ?? '')
  return { data, store, messages }
}

describe.skipIf(!canMount)('cause of a station’s disk failure (needs root: mounts)', () => {
  test('the receiver’s incident, notification and list of senders have what the station’s kernel reported', {
    tags: 'story',
  }, async () => {
    const disk = await mountExt4(onTestFinished)
    const hub = await receiving()
    const station = temporaryDirectory('station')
    const settings = { version: 1, checkedPaths: [{ id: 'disk', path: disk.point }] }
    writeFileSync(path.join(station, 'settings.json'), JSON.stringify(settings))
    const { code } = await askAgent(hub.data)('inviteSender', { replaces: null })
    await holdfast(['pair', code, '--data', station, '--name', 'roof'])
    startHoldfast(['agent', '--data', station])
    await untilState(station, 'a check that is well', ({ checkedPaths: [one] }) => {
      return one?.checked?.overall.kind === 'ok'
    })
    await untilState(hub.data, 'the station', ({ receiving: now }) => now?.senders[0]?.level === 'ok')

    const device = await triggerExt4Error(disk.point)
    const keys = ['cause.ext4Error', 'cause.stoppedWriting']
    const { incidents } = await untilState(hub.data, 'its cause', ({ incidents: [one] }) => {
      return (one?.cause?.length ?? 0) > 0
    })
    expect(incidents).toMatchObject([{ kind: 'sender-failing', paths: { 'sender:failing:roof': 'roof' } }])
    expect(incidents[0]?.cause?.map(({ key }) => key)).toEqual(keys)
    const failure = `${disk.point} is read-only.`
    const sentence = new RegExp(`ext4 found an error on ${device} .*Then ext4 stopped writing`)
    const told = await until('the notification', () => hub.messages().find((one) => one.includes('ext4')))
    expect(told).toContain('>>> Station failing: roof\n')
    expect(told).toMatch(sentence)

    const list = (...words: string[]) => holdfast(['stations', '--store', hub.store, ...words])
    const isListed = async () => (await list()).split('\n').find((line) => line.startsWith('roof: '))
    const line = await until('its line', isListed)
    expect(line).toContain(failure)
    expect(line).toMatch(sentence)
    const { status } = JSON.parse(await list('--json'))
    expect(status.causes.map(({ key }: { key: string }) => key)).toEqual(keys)
    const [entry] = parseEntries(await holdfast(['failures', '--json', '--data', hub.data]))
    expect(entry?.incident.cause?.map(({ key }) => key)).toEqual(keys)
    const incidentsHere = await holdfast(['failures', '--data', hub.data])
    expect(incidentsHere).toContain(`roof reports: ${failure}`)
    expect(incidentsHere.split('ext4 stopped writing')).toHaveLength(2)

    const day = (from: number) => new Date(Date.now() + from * 86_400_000).toISOString().slice(0, 10)
    const report = ['report', '--data', hub.data, '--from', day(-1), '--to', day(1), '--format', 'json']
    expect(reportSchema.parse(JSON.parse(await holdfast(report))).causes).toMatchObject([
      { kind: 'read-only', cause: { key: 'cause.ext4Error' }, count: 1, of: 1, computers: 1 },
    ])
  })
})
