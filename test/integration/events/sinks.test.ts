import { createHmac } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { sendCommand } from '../../../core/agent/control-socket.ts'
import { eventLines, eventsIn, writeEventSettings } from '../../support/agent/events.ts'
import { holdfast, untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { localCertificate } from '../../support/servers/certificate.ts'
import { MQTT_USER, startMosquitto, subscribe } from '../../support/servers/mosquitto.ts'
import { recordingServer } from '../../support/servers/recording-server.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const LONG_MS = 60_000
const short = (type: string) => type.replace('app.holdfast.', '')

function createPlaces() {
  const [data, source] = [temporaryDirectory('events-data'), temporaryDirectory('events')]
  return { data, source, sources: [{ id: 's', path: source, name: 'obs' }] }
}

test('webhook sink: signed batches, each event once; a failing server gets them again, marked', {
  tags: 'story',
}, async () => {
  const server = await recordingServer()
  const { data, source, sources } = createPlaces()
  let isDown = true
  server.answer(() => (isDown ? { status: 503 } : { status: 204 }))
  writeEventSettings(data, {
    sources,
    sinks: [{ id: 'hook', name: 'Pipeline', kind: 'webhook', types: ['file.durable', 'file.deleted'] }],
    secrets: { hook: { url: `${server.origin}/in`, key: 'a key' } },
  })
  const agent = startHoldfast(['agent', '--data', data])
  writeFileSync(path.join(source, 'a'), 'first')
  await until('the first attempt', () => server.requests.length > 0, LONG_MS)
  await untilState(data, 'the failure', ({ eventSinks }) => eventSinks[0]?.condition === 'retrying', LONG_MS)
  const [failed] = server.requests.map(eventsIn)
  expect(failed).toMatchObject([{ subject: 'obs/a', data: { path: 'a', size: 5 } }])
  expect(failed?.[0]?.redelivered).toBeUndefined()
  isDown = false
  const delivered = () => server.requests.slice(1).flatMap(eventsIn)
  await untilState(data, 'the delivery', ({ eventSinks }) => eventSinks[0]?.condition === 'ok', LONG_MS)
  expect(delivered().at(-1)).toMatchObject({ id: failed?.[0]?.id, redelivered: true })
  const last = server.requests.at(-1)
  if (last === undefined) throw new Error('no request')
  const { headers, body } = last
  expect(headers['content-type']).toMatch(/^application\/cloudevents-batch\+json/)
  const signature = createHmac('sha256', 'a key').update(body).digest('hex')
  expect(headers['x-holdfast-signature']).toBe(`sha256=${signature}`)

  rmSync(path.join(source, 'a'))
  writeFileSync(path.join(source, 'b'), 'second')
  await until(
    'the next events',
    () =>
      ['a', 'b'].every((file) =>
        delivered().some(({ data: { path: at, by } }) => at === file && (file === 'b' || by === 'others')),
      ),
    LONG_MS,
  )
  const later = delivered().filter(({ id }) => id !== failed?.[0]?.id)
  expect(new Set(later.map(({ id }) => id)).size).toBe(later.length)
  agent.child.kill('SIGTERM')
  await agent.ended()
})

test('command sink: a program gets events as lines; a failure is tried again, and the place survives a restart', async () => {
  const { data, source, sources } = createPlaces()
  const [out, flag] = [path.join(data, 'out'), path.join(data, 'flag')]
  const script = path.join(data, 'sink.sh')
  writeFileSync(script, `#!/bin/sh\n[ -e "$2" ] || exit 3\ncat >> "$1"\n`)
  chmodSync(script, 0o755)
  writeEventSettings(data, {
    sources,
    sinks: [{ id: 'run', name: 'Run', kind: 'command', command: [script, out, flag], since: 0 }],
  })
  const first = startHoldfast(['agent', '--data', data])
  writeFileSync(path.join(source, 'a'), 'a')
  const failing = await untilState(
    data,
    'the failure',
    ({ eventSinks }) => eventSinks[0]?.condition === 'retrying',
    LONG_MS,
  )
  expect(failing.eventSinks[0]?.sentence).toMatchObject({
    key: 'channel.command.failed',
    params: { program: script, code: 3 },
  })
  writeFileSync(flag, '')
  const read = () => {
    try {
      return eventLines(readFileSync(out, 'utf8'))
    } catch {
      return []
    }
  }
  await until('the event', () => read().some((one) => one.data.path === 'a'), LONG_MS)
  await untilState(data, 'the delivery', ({ eventSinks }) => eventSinks[0]?.condition === 'ok', LONG_MS)
  first.child.kill('SIGTERM')
  await first.ended()

  startHoldfast(['agent', '--data', data])
  writeFileSync(path.join(source, 'b'), 'b')
  await until('the next event', () => read().some((one) => one.data.path === 'b'), LONG_MS)
  expect(read().filter((one) => one.data.path === 'a')).toHaveLength(1)
})

test('MQTT sink: mosquitto gets each event with QoS 1 over TLS, also after it was away', async () => {
  const certificate = await localCertificate()
  const authority = path.join(temporaryDirectory('ca'), 'ca.pem')
  writeFileSync(authority, certificate.cert)
  let broker = await startMosquitto(certificate)
  onTestFinished(() => broker.stop())
  const tls = ['--cafile', authority, '--insecure']
  const seen = await subscribe(broker.port, 'wis/#', ...tls)
  onTestFinished(() => void seen.stop())
  const { data, source, sources } = createPlaces()
  writeEventSettings(data, { sources, sinks: [] })
  startHoldfast(['agent', '--data', data])
  await untilState(data, 'the agent', () => true)
  const words = [
    'events',
    'sinks',
    'add',
    'mqtt',
    '--data',
    data,
    '--name',
    'Broker',
    '--type',
    'file.durable',
  ]
  const password = path.join(data, 'password')
  writeFileSync(password, MQTT_USER.password)
  const options = {
    broker: `mqtts://localhost:${broker.port}`,
    topic: 'wis/{folder}/{type}',
    user: MQTT_USER.user,
    ca: authority,
  }
  const given = Object.entries(options).flatMap(([name, value]) => ['--option', `${name}=${value}`])
  await holdfast([...words, ...given, '--secret', `password=${password}`])
  expect(await holdfast(['events', 'sinks', 'test', 'Broker', '--data', data])).toContain('Broker')
  writeFileSync(path.join(source, 'a'), 'a')
  const files = (from: typeof seen) =>
    from.messages().filter(({ event }) => short(event.type) === 'file.durable')
  await until('the first event', () => files(seen).length > 0, LONG_MS)
  expect(files(seen)).toMatchObject([
    { topic: 'wis/obs/app.holdfast.file.durable', event: { subject: 'obs/a', data: { path: 'a' } } },
  ])

  const { port } = broker
  await broker.stop()
  writeFileSync(path.join(source, 'b'), 'b')
  await untilState(data, 'the failure', ({ eventSinks }) => eventSinks[0]?.condition === 'retrying', LONG_MS)
  broker = await startMosquitto(certificate, port)
  const again = await subscribe(port, 'wis/#', ...tls)
  onTestFinished(() => void again.stop())
  await until('the event of b', () => files(again).some(({ event }) => event.data.path === 'b'), LONG_MS)
  const list = JSON.parse(await holdfast(['events', 'sinks', '--json', '--data', data]))
  expect(list).toMatchObject([{ name: 'Broker', kind: 'mqtt', state: { secrets: ['password'] } }])
  expect(JSON.stringify(list)).not.toContain(MQTT_USER.password)
})

test('sinks: a command is refused by the terminal, the API and an import', async () => {
  const { data, sources } = createPlaces()
  writeEventSettings(data, {
    sources,
    sinks: [{ id: 'run', name: 'Run', kind: 'command', command: ['/bin/true'] }],
  })
  startHoldfast(['agent', '--data', data])
  await untilState(data, 'the agent', () => true)
  const refused = async (words: string[]) => {
    const command = startHoldfast([...words, '--data', data])
    expect(await command.ended()).not.toBe(0)
    return command.err()
  }
  expect(await refused(['events', 'sinks', 'add', 'command'])).toContain('settings file')
  expect(await refused(['events', 'sinks', 'remove', 'Run'])).toContain('settings file')
  expect(await refused(['events', 'sinks', 'off', 'Run'])).toContain('settings file')
  expect(await refused(['events', 'keep', '--days', 'foo'])).toContain(
    'It must be a whole number from 1 to 366.',
  )
  expect(await refused(['events', '--type', 'events.gap'])).toContain('Gaps (events.gap) are always among')
  const sink = { id: 'other', name: 'Other', kind: 'command', command: ['/bin/sh', '-c', 'id'] }
  await expect(sendCommand(data, 'addEventSink', { sink, secrets: {} })).rejects.toMatchObject({
    sentence: { key: 'events.commandInSettings' },
  })
  const { text } = (await sendCommand(data, 'settingsText', {})) as { text: string }
  const settings = JSON.parse(text)
  settings.events.sinks[0].command = ['/bin/sh', '-c', 'id']
  const file = path.join(data, 'import.json')
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, JSON.stringify(settings))
  expect(await refused(['settings', 'import', file, '--yes'])).toContain('settings file')
})
