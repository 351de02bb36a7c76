import { describe, expect, it } from 'vitest'
import { commandHandlers, protectDirectory } from '../../../core/agent/commands.ts'
import type { CommandHandlers } from '../../../core/agent/contract.ts'
import { channelSchema } from '../../../core/alerts/settings.ts'
import { settingsSchema } from '../../../core/settings/schema.ts'
import { openSettings } from '../../../core/settings/settings-store.ts'
import { fakeAgent } from '../../support/agent/fake-agent.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const receiver = (id: string, changes: object = {}) => ({
  ...{ id, kind: 'receiver', name: `the ${id}`, host: id, port: 1, fingerprint: id.repeat(64), ...changes },
})
const sourceAt = (id: string, changes: object = {}) => ({ id, path: `/data/${id}`, name: id, ...changes })

interface Given {
  sources?: object[]
  destinations?: object[]
  /** Outputs of the workers' requests, by their names. */
  answers?: Record<string, unknown>
}

/** An agent whose workers only answer, with two sources and two destinations. */
function begin(given: Given = {}) {
  const { sources = [sourceAt('s'), sourceAt('t')], destinations = [receiver('a'), receiver('b')] } = given
  const settings = openSettings(temporaryDirectory())
  settings.set(settingsSchema.parse({ destinations, sources }))
  const fake = fakeAgent(settings)
  for (const [name, output] of Object.entries(given.answers ?? {})) fake.answers.set(name, output)
  fake.agent.start()
  const handlers = commandHandlers(fake.agent)
  /** All that the workers were asked for, and all nudges, by the worker. */
  const heard = () =>
    fake.started.flatMap(({ name: worker, heard }) =>
      heard.flatMap((one) =>
        one.type === 'request'
          ? [`${worker}: ${one.name}`]
          : one.type === 'nudge'
            ? [`${worker}: nudge`]
            : [],
      ),
    )
  const inputs = (request: string) =>
    fake.started.flatMap(({ heard }) =>
      heard.flatMap((one) => (one.type === 'request' && one.name === request ? [one.input] : [])),
    )
  /** Runs a command, which may fail; returns what the workers heard during it. */
  const run = async <N extends keyof CommandHandlers>(name: N, input: unknown): Promise<string[]> => {
    const before = heard()
    await (handlers[name] as (input: unknown) => Promise<unknown>)(input)
    const after = heard()
    for (const one of before) after.splice(after.indexOf(one), 1)
    return after
  }
  const scanned = (changes: object, id = 's') =>
    fake.says('scanner', {
      scanned: [{ id, phase: 'watching', compared: true, problems: [], batches: [], ...changes }],
    })
  return { ...fake, handlers, run, inputs, scanned }
}

const failure = (key: string) => expect.objectContaining({ sentence: expect.objectContaining({ key }) })

describe('commands of a source that waits for a decision', () => {
  const HELD = { held: { since: 1, lost: 3, changed: 0, known: 3 } }
  const DELETED = { deleted: { since: 1, files: 3, known: 3 } }
  const MARKED = { marked: { files: 3, directories: ['run-1'] } }
  const answers = { release: {}, acceptDeleted: {}, answerMarked: {} }

  it.each<[keyof CommandHandlers, object, object, string[]]>([
    ['sendAsItIs', {}, HELD, ['scanner: release', 'sender: nudge', 'sender: nudge']],
    ['acceptDeleted', {}, DELETED, ['scanner: acceptDeleted']],
    ['answerMarked', { answer: 'send' }, MARKED, ['scanner: answerMarked', 'sender: nudge', 'sender: nudge']],
  ])('%s: it goes to the scanner, if that source waits for it', async (name, input, waits, heard) => {
    const { run, scanned } = begin({ answers })
    for (const other of [HELD, DELETED, MARKED].filter((one) => one !== waits)) scanned(other)
    scanned(waits, 't')
    await expect(run(name, { id: 's', ...input })).rejects.toEqual(failure('restore.notHeld'))
    await expect(run(name, { id: 'none', ...input })).rejects.toEqual(failure('restore.notHeld'))
    scanned(waits)
    expect((await run(name, { id: 's', ...input })).sort()).toEqual(heard)
  })

  it('acceptDeleted: the incident ends as accepted', async () => {
    const { agent, run, scanned } = begin({ answers })
    scanned(DELETED)
    agent.alerting.evaluate()
    await run('acceptDeleted', { id: 's' })
    scanned({ deleted: { ...DELETED.deleted, since: null } })
    agent.alerting.evaluate()
    const incidents = agent.alerting.alerts.incidents().filter(({ kind }) => kind === 'deleted')
    expect(incidents).toMatchObject([{ outcome: 'accepted', endedAt: expect.any(Number) }])
  })

  it('bringBack: the lost files come from a destination of the source that is connected', async () => {
    const { run, scanned, inputs, answers, started } = begin({
      sources: [sourceAt('s', { destinations: ['b', 'c'] }), sourceAt('t')],
      destinations: ['a', 'b', 'c'].map((id) => receiver(id)),
      answers: {
        lost: { paths: ['x', 'y'] },
        folders: { folders: [{ name: 'other', source: 't' }] },
        start: {},
      },
    })
    const connect = (state: string) => ({
      ...{ fingerprint: null, connection: { state, since: 1, problem: null }, totals: {}, lastFile: {} },
      ...{ nextDue: {}, transfers: [], rates: {}, left: {}, leftOfAll: null },
    })
    const [a, b, c] = started.filter(({ name }) => name === 'sender')
    for (const sender of [a, c]) sender?.says(connect('connected'))
    b?.says(connect('connecting'))
    await expect(run('bringBack', { id: 's' })).rejects.toEqual(failure('restore.notHeld'))
    scanned(HELD)
    await expect(run('bringBack', { id: 's' })).rejects.toEqual(failure('restore.nowhere'))
    answers.set('folders', {
      folders: [
        { name: 'other', source: 't' },
        { name: 'mine', source: 's' },
      ],
    })
    await run('bringBack', { id: 's' })
    expect(inputs('start')).toMatchObject([
      {
        from: { destination: { id: 'c' } },
        wanted: [
          {
            ...{ choice: { folder: 'mine', path: null, version: null, at: null }, destination: '/data/s' },
            ...{ placement: 'inPlace', conflict: 'replace', only: ['x', 'y'] },
          },
        ],
      },
    ])
  })
})

describe('commands of the agent', () => {
  it('checkNow: sources are compared, too, if there are any', async () => {
    const answers = { reconcile: {}, checkNow: {} }
    const asked = { withSource: begin({ answers }), without: begin({ answers, sources: [] }) }
    expect(await asked.withSource.run('checkNow', {})).toEqual(
      expect.arrayContaining(['scanner: reconcile', 'checker: checkNow']),
    )
    expect(await asked.without.run('checkNow', {})).toEqual(['checker: checkNow'])
  })

  it('prove: the usual samples are read where a person has switched them off, else those of the settings', async () => {
    const { run, inputs, answers } = begin({
      destinations: [
        receiver('a', { samples: { filesPerDay: 0, gibPerDay: 1 } }),
        receiver('b', { samples: { filesPerDay: 5, gibPerDay: 2 } }),
      ],
      answers: { prove: { started: true } },
    })
    await run('prove', { id: 'a' })
    await run('prove', { id: 'b' })
    const GIB = 1024 ** 3
    expect(inputs('prove')).toEqual([
      { files: 231, bytes: expect.any(Number) },
      { files: 5, bytes: 2 * GIB },
    ])
    answers.set('prove', { started: false })
    await expect(run('prove', { id: 'b' })).rejects.toEqual(failure('prove.notConnected'))
  })

  it('files: a list shows the destinations of its source, or the one that was asked for', async () => {
    const { run, inputs } = begin({
      sources: [sourceAt('s', { destinations: ['b'] }), sourceAt('t')],
      answers: { files: { files: [], older: null } },
    })
    const list = (given: object) =>
      run('files', { source: null, state: null, before: null, limit: 7, ...given })
    await list({})
    await list({ source: 's' })
    await list({ source: 't' })
    await list({ source: 't', destination: 'a' })
    const mine = inputs('files').filter((one) => (one as { limit: number }).limit === 7)
    expect(mine).toMatchObject([
      { destinations: ['a', 'b'] },
      { destinations: ['b'] },
      { destinations: ['a', 'b'] },
      { destinations: ['a'] },
    ])
  })

  it('restoreFolders: only the id of a source of this computer is returned', async () => {
    const folders = [
      { name: 'x', source: 's' },
      { name: 'y', source: 'gone' },
      { name: 'z', source: null },
    ]
    const { handlers } = begin({ answers: { folders: { folders } } })
    expect(await handlers.restoreFolders({ destination: 'a' })).toEqual({
      folders: [
        { name: 'x', source: 's' },
        { name: 'y', source: null },
        { name: 'z', source: null },
      ],
    })
  })

  it('acknowledge, snooze: an incident that is over or never was is refused', async () => {
    const { agent, run, scanned } = begin()
    scanned({ deleted: { since: 1, files: 3, known: 3 } })
    agent.alerting.evaluate()
    const open = () => agent.alerting.alerts.incidents().find(({ kind }) => kind === 'deleted')
    const { id } = await until('the incident', open)
    await run('snooze', { id, minutes: 60 })
    expect(open()?.snoozedUntil).toEqual(expect.any(Number))
    await run('acknowledge', { id })
    expect(open()).toMatchObject({ acknowledged: { by: expect.any(String) }, snoozedUntil: null })
    const none = failure('alert.noIncident')
    await expect(run('acknowledge', { id: 'none' })).rejects.toEqual(none)
    await expect(run('snooze', { id: 'none', minutes: 60 })).rejects.toEqual(none)
  })

  it('channel test before adding: a program, which only the settings file may name, is not started', async () => {
    const { run } = begin()
    const channel = channelSchema.parse({
      id: 'p',
      name: 'p',
      type: 'command',
      options: { program: '/bin/true' },
    })
    const tried = run('tryChannel', { channel, secrets: {} })
    await expect(tried).rejects.toEqual(failure('alert.channelInSettings'))
  })

  it('browse: the root has no directory above it', async () => {
    const { handlers } = begin({ answers: { list: { names: ['a'], isCut: false } } })
    const found = { names: ['a'], isCut: false }
    expect(await handlers.browse({ path: '/' })).toEqual({ path: '/', parent: null, ...found })
    expect(await handlers.browse({ path: '/a/b' })).toEqual({ path: '/a/b', parent: '/a', ...found })
  })

  it('a directory that is named at every start: its refusal is a notice until it is protected', async () => {
    const nothing = { real: null, kind: null, readable: false, mayWrite: false, store: null, code: null }
    const { agent, answers } = begin({ sources: [], answers: { inspect: nothing } })
    const add = () => protectDirectory(agent, { path: '/data/in' })
    const refused = () => agent.store.state.notices.map(({ id, sentence: { key } }) => `${id} ${key}`)
    expect(await add()).toMatchObject({ key: 'refuse.missing' })
    expect(refused()).toEqual(['refused:/data/in refuse.missing'])
    const there = { kind: 'directory', readable: true, mayWrite: true }
    answers.set('inspect', { ...nothing, ...there, real: '/data/in' })
    expect(await add()).toBeNull()
    expect(await add()).toBeNull()
    expect(agent.settings.get().sources).toMatchObject([{ path: '/data/in' }])
    expect(refused()).toEqual([])
  })
})
