import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type CloudEvent, cloudEventSchema } from '../../../core/events/cloud-event.ts'
import { eventLines, writeEventSettings } from '../../support/agent/events.ts'
import { holdfast, untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'
import { startWebAgent } from '../../support/web.ts'

const LONG_MS = 60_000
const short = ({ type }: CloudEvent) => type.replace('app.holdfast.', '')

test('events command: follows files, a batch and a restore, and continues from a cursor', async () => {
  const data = temporaryDirectory('follow-data')
  const [source, batches, store] = ['follow', 'batches', 'disk'].map((name) => temporaryDirectory(name))
  if (source === undefined || batches === undefined || store === undefined) throw new Error('no place')
  writeEventSettings(data, {
    sources: [
      { id: 's', path: source, name: 'obs' },
      { id: 'b', path: batches, name: 'runs', kind: 'batch' },
    ],
    sinks: [],
  })
  startHoldfast(['agent', '--data', data])
  await untilState(data, 'the agent', () => true)
  const follower = startHoldfast(['events', '--follow', '--since', 'beginning', '--json', '--data', data])
  const found = () => eventLines(follower.out())
  const has = (type: string, file: string) =>
    found().find((event) => short(event) === type && event.data.path?.endsWith(file) === true)

  writeFileSync(path.join(source, 'a'), 'content')
  const durable = await until('the file', () => has('file.durable', 'a'), LONG_MS)
  expect(durable).toMatchObject({
    subject: 'obs/a',
    data: {
      source: { id: 's', name: 'obs' },
      size: 7,
      digest: expect.stringMatching(/^blake3:[0-9a-f]{64}$/),
    },
  })
  mkdirSync(path.join(batches, 'DC1'))
  writeFileSync(path.join(batches, 'DC1', 'x'), 'x')
  writeFileSync(path.join(batches, 'DC1', 'finished.parse'), '')
  await until('the batch', () => has('batch.durable', 'DC1'), LONG_MS)
  const order = found().map((event) => `${short(event)} ${event.data.path}`)
  expect(order.indexOf('file.durable DC1/x')).toBeLessThan(order.indexOf('batch.durable DC1'))
  expect(order.filter((line) => line === 'batch.durable DC1')).toHaveLength(1)
  // The command ends with 0: the marks of a batch are never sent.
  expect(await holdfast(['why', path.join(batches, 'DC1'), '--data', data])).toContain('mark of a batch')

  rmSync(path.join(source, 'a'))
  await until('the deletion', () => has('file.deleted', 'a'), LONG_MS)
  const back = path.join(temporaryDirectory('back'), 'new')
  const state = await untilState(data, 'the destination', ({ destinations }) => destinations.length > 0)
  const destination = state.destinations[0]?.name || 'embedded'
  await holdfast(['restore', '--from', destination, '--to', back, '--data', data])
  await until('the restored file', () => has('file.restored', 'obs/a'), LONG_MS)

  const rest = eventLines(await holdfast(['events', '--since', durable.cursor, '--json', '--data', data]))
  // A cursor has a place in each of two logs: that of the incidents depends on when a reader met them.
  const content = (events: readonly CloudEvent[]) => events.map(({ cursor, ...event }) => event)
  const all = found()
  const at = all.findIndex(({ id }) => id === durable.id)
  const later = all.slice(at + 1).filter(({ type }) => !type.includes('incident'))
  const again = rest.filter(({ type }) => !type.includes('incident'))
  expect(content(again.slice(0, later.length))).toEqual(content(later))
  expect(eventLines(await holdfast(['events', '--since', '1d', '--json', '--data', data]))).toHaveLength(
    all.length,
  )
  expect(await holdfast(['events', '--since', '0s', '--data', data])).toBe('')
  const typed = await holdfast(['events', '--type', 'batch.durable', '--data', data])
  expect(typed).toMatch(/batch\.durable {2}runs\/DC1/)
  const wrong = startHoldfast(['events', '--since', 'tomorrow', '--data', data])
  expect(await wrong.ended()).toBe(2)
  expect(wrong.err()).toContain('tomorrow')
})

test('events command, and a sink: a directory and a destination have their names, also if added later, renamed or removed', async () => {
  const [data, source, disk] = ['names-data', 'names', 'names-disk'].map((name) => temporaryDirectory(name))
  if (data === undefined || source === undefined || disk === undefined) throw new Error('no place')
  const [sink, out] = [path.join(data, 'sink.sh'), path.join(data, 'out')]
  writeFileSync(sink, '#!/bin/sh\ncat >> "$1"\n', { mode: 0o755 })
  const command = [sink, out]
  writeEventSettings(data, { sources: [], sinks: [{ id: 'run', name: 'Run', kind: 'command', command }] })
  startHoldfast(['agent', '--data', data])
  await untilState(data, 'the agent', () => true)
  const follow = ['events', '--follow', '--type', 'file.durable', '--data', data]
  const [lines, json] = [startHoldfast(follow), startHoldfast([...follow, '--json'])]

  await holdfast(['destinations', 'add', 'folder', disk, '--name', 'second', '--data', data])
  await holdfast(['folders', 'add', source, '--data', data])
  await holdfast(['folders', 'change', source, '--name', 'obs', '--data', data])
  writeFileSync(path.join(source, 'a'), 'content')
  await lines.says(/file\.durable {2}obs\/a {2}→ second\n/, LONG_MS)
  const named = { subject: 'obs/a', data: { source: { name: 'obs' }, destination: { name: 'second' } } }
  await until('the event as JSON', () => eventLines(json.out()).length > 0, LONG_MS)
  expect(eventLines(json.out())).toMatchObject([named])
  const taken = () => (existsSync(out) ? eventLines(readFileSync(out, 'utf8')) : [])
  await until(
    'the event of the sink',
    () => taken().some(({ data: { path: file } }) => file === 'a'),
    LONG_MS,
  )
  expect(taken().filter(({ data: { path: file } }) => file === 'a')).toMatchObject([named])

  await holdfast(['folders', 'change', source, '--name', 'roof', '--data', data])
  writeFileSync(path.join(source, 'b'), 'content')
  await lines.says(/file\.durable {2}roof\/b {2}→ second\n/, LONG_MS)

  // It reads the next event after the directory has been removed.
  lines.child.kill('SIGSTOP')
  writeFileSync(path.join(source, 'c'), 'content')
  await until(
    'the event as JSON',
    () => eventLines(json.out()).some(({ subject }) => subject === 'roof/c'),
    LONG_MS,
  )
  await holdfast(['folders', 'remove', source, '--data', data])
  lines.child.kill('SIGCONT')
  await lines.says(/file\.durable {2}roof\/c {2}→ second\n/, LONG_MS)

  await holdfast(['destinations', 'remove', 'second', '--data', data])
  const later = await holdfast(['events', '--type', 'file.durable', '--data', data])
  expect(later).toMatch(/\/c {2}→ the removed destination [0-9a-f]{8}\n/)
})

test('API: server-sent events continue behind Last-Event-ID, for a viewer, and end with its token', async () => {
  const { data, port, viewer, command, ask } = await startWebAgent()
  const source = temporaryDirectory('api')
  await command('addSource', { path: source })
  const stream = (headers: Record<string, string>, query = '') => {
    let text = ''
    let isEnded = false
    const asked = request(
      {
        host: '127.0.0.1',
        port,
        path: `/api/cloudevents${query}`,
        agent: false,
        headers: { authorization: `Bearer ${viewer}`, ...headers },
      },
      (response) => {
        response.setEncoding('utf8').on('data', (chunk) => {
          text += chunk
        })
        response.on('close', () => {
          isEnded = true
        })
      },
    )
    asked.on('error', () => undefined)
    asked.end()
    onTestFinished(() => void asked.destroy())
    return {
      isEnded: () => isEnded,
      events: () =>
        text
          .split('\n\n')
          .filter((one) => one.startsWith('id: '))
          .map((one) => cloudEventSchema.parse(JSON.parse(one.slice(one.indexOf('data: ') + 6)))),
    }
  }
  const first = stream({}, '?since=beginning&type=file.durable')
  writeFileSync(path.join(source, 'a'), 'a')
  const [a] = await until(
    'the event of a',
    () => (first.events().length > 0 ? first.events() : null),
    LONG_MS,
  )
  writeFileSync(path.join(source, 'b'), 'b')
  await until('the event of b', () => first.events().length > 1, LONG_MS)
  const second = stream({ 'last-event-id': a?.cursor ?? '' }, '?type=file.durable')
  await until('b again', () => second.events().length > 0, LONG_MS)
  expect(second.events()).toEqual(first.events().slice(1))

  const bearer = { authorization: `Bearer ${viewer}` }
  const page = await ask('POST', '/api/commands/events', {
    headers: bearer,
    body: { types: ['file.durable'] },
  })
  expect(page.json?.output).toMatchObject({ events: first.events(), more: false })
  expect((await ask('GET', '/api/cloudevents?since=never', { headers: bearer })).status).toBe(400)
  expect((await ask('GET', '/api/cloudevents?type=never', { headers: bearer })).status).toBe(400)
  expect((await ask('GET', '/api/cloudevents')).status).toBe(401)

  const later = temporaryDirectory('api-later')
  await command('addSource', { path: later })
  writeFileSync(path.join(later, 'c'), 'c')
  const name = path.basename(later)
  await until('the event of c', () => first.events().length > 2, LONG_MS)
  expect(first.events()[2]).toMatchObject({ subject: `${name}/c`, data: { source: { name } } })

  const { webTokens } = (await untilState(data, 'the tokens', () => true)).settings
  await command('removeWebToken', { id: webTokens.find(({ name }) => name === 'eve')?.id })
  await until('the streams to end', () => first.isEnded() && second.isEnded(), LONG_MS)
})
