import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { AppState } from '../../core/agent/state/schema.ts'
import { holdfast, untilState } from '../support/agent/two-receivers.ts'
import { createIncident } from '../support/alerts/notifier-config.ts'
import { startHoldfast } from '../support/cli/processes.ts'
import { FILES, FIRST_TEXT, FIXTURES, fill } from '../support/fixtures/kept.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { until } from '../support/until.ts'

/** Every file below a directory, by relative path. */
function contents(directory: string): Record<string, string> {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => path.join(parentPath, name))
  return Object.fromEntries(files.map((file) => [path.relative(directory, file), readFileSync(file, 'utf8')]))
}

test.each(readdirSync(FIXTURES))(
  'upgrade: data and store of version %s are opened, used and restored from',
  async (version) => {
    const base = temporaryDirectory('upgrade')
    cpSync(path.join(FIXTURES, version), base, { recursive: true })
    const [data, store, source] = [
      path.join(base, 'agent'),
      path.join(base, 'store'),
      path.join(base, 'photos'),
    ]
    const receiver = startHoldfast(['receive', '--store', store, '--host', '127.0.0.1', '--port', '0'])
    const listening = () => /Receiving on \S+:(\d+),/.exec(receiver.out() + receiver.err())?.[1]
    const port = await until('the receiver to listen', listening)
    // The same computers elsewhere: directories and ports are others here.
    const file = path.join(data, 'settings.json')
    const settings = JSON.parse(readFileSync(file, 'utf8'))
    settings.sources[0].path = source
    settings.destinations[0].port = Number(port)
    writeFileSync(file, JSON.stringify(settings))
    await fill(source)
    // 0.1.0 keeps its incidents in a file of their own.
    const incidentsFile = path.join(data, 'incidents.json')
    const ended = createIncident('earlier', { endedAt: Date.now(), failing: {} })
    writeFileSync(incidentsFile, JSON.stringify({ open: [], past: [ended], owed: [], troubles: [] }))

    const agent = startHoldfast(['agent'], { HOLDFAST_HOME: data })
    // The last incidents come from a thread, at their own time.
    const isUp = ({ sources, destinations, incidents }: AppState) =>
      Boolean(sources[0]?.scanned?.compared && destinations[0]?.connection.state === 'connected') &&
      incidents.some(({ id }) => id === 'earlier')
    const state = await untilState(data, 'the source to be compared, and the last incidents', isUp, 60_000)
    expect(state.notices).toEqual([])
    expect(state.settings.alerts.channels).toMatchObject([{ id: 'desk', type: 'webhook' }])
    const told = await holdfast(['failures', '--json', '--data', data])
    expect(told).toContain('/disk')
    expect(told).toContain('/data/earlier')
    expect(existsSync(incidentsFile)).toBe(false)
    writeFileSync(path.join(source, 'four.txt'), 'four')
    // Those of then are not sent again.
    const { totals } = await untilState(
      data,
      'the new file to be sent',
      ({ totals: now }) => now.sentFiles === 4,
    )
    expect(totals).toMatchObject({ waitingFiles: 0, parkedFiles: 0 })
    agent.child.kill('SIGTERM')
    expect(await agent.ended()).toBe(0)
    // What cannot be used is renamed, with the day in its name.
    expect(
      readdirSync(base, { recursive: true }).filter((name) => /-\d{4}-\d{2}-\d{2}T/.test(String(name))),
    ).toEqual([])

    await holdfast(['verify', store])
    const back = path.join(base, 'back')
    await holdfast(['restore', store, '--sender', 'station-1', '--source', 'photos', back])
    expect(contents(back)).toEqual({ ...FILES, 'four.txt': 'four' })
    const listed = await holdfast(['restore', store, '--list', '--json'])
    const rows = listed
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    const older = rows.find((row) => row.path === 'one.txt' && row.version !== null)
    const then = path.join(base, 'then')
    const one = [
      '--sender',
      'station-1',
      '--source',
      'photos',
      '--path',
      'one.txt',
      '--version',
      older?.version,
    ]
    await holdfast(['restore', store, ...one, then])
    expect(contents(then)).toEqual({ 'one.txt': FIRST_TEXT })
  },
)
