import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { VerdictKind } from '../../../core/check/checker-messages.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { idOfPath } from '../../../core/settings/changes.ts'
import { settingsSchema } from '../../../core/settings/schema.ts'
import { openSettings } from '../../../core/settings/settings-store.ts'
import { checkedAs } from '../../support/agent/checked.ts'
import { fakeAgent } from '../../support/agent/fake-agent.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const paths = ['a', 'b'].map((name) => ({ id: idOfPath(`/disk/${name}`), path: `/disk/${name}` }))
const mount = { point: '/disk', device: '7:0', type: 'ext4', source: '/dev/loop0' }

/** An agent that checks two paths of one disk. */
function agentWithPaths() {
  const store = openSettings(temporaryDirectory())
  store.set(settingsSchema.parse({ ...store.get(), checkedPaths: paths }))
  const fake = fakeAgent(store)
  fake.agent.start()
  const said = (index: number, kind: VerdictKind, code: string | null = null, step: string | null = null) => {
    const { id = '', path = '' } = paths[index] ?? {}
    const one = checkedAs(id, { kind, code, path, at: Date.now(), mount })
    fake.says('checker', { checked: [{ ...one, overall: { ...one.overall, step } }] })
  }
  return {
    ...fake,
    said,
    /** A verdict that is sure, and the time that it takes to be told. */
    sure: async (...verdict: Parameters<typeof said>) => {
      said(...verdict)
      said(...verdict)
      await vi.advanceTimersByTimeAsync(2_000)
    },
    /** Titles of the notifications that it has shown. */
    told: () => fake.shown.map(({ title }) => title),
  }
}

/** An agent with sources, and what is said of all of them. */
function agentWithSources(...directories: string[]) {
  const store = openSettings(temporaryDirectory())
  const sources = directories.map((path) => ({ id: idOfPath(path), path, name: path }))
  store.set(settingsSchema.parse({ ...store.get(), sources }))
  const { agent, says } = fakeAgent(store)
  agent.start()
  const checked = (kind: VerdictKind, points: string[]) => {
    const mounts = points.map((point) => ({ ...mount, point }))
    const all = sources.map(({ id, path }, index) =>
      checkedAs(id, { kind, path, at: Date.now(), mount: mounts[index] ?? null }),
    )
    says('checker', { checked: all })
  }
  const nothing = { compared: true, batches: [] }
  return {
    /** What there is of sources that cannot be found, and how many. */
    unwatched: () =>
      agent.store.state.incidents
        .filter(({ kind }) => kind === 'unwatched')
        .map((one) => `${one.group} ${one.endedAt === null ? Object.keys(one.failing).length : 'over'}`),
    says: {
      checkedOn: (...points: string[]) => checked('ok', points),
      failsOn: (kind: VerdictKind, ...points: string[]) => checked(kind, points),
      scanned: async (phase: string) => {
        const problems = phase === 'failed' ? [message('check.ok', { path: '/' })] : []
        says('scanner', { scanned: sources.map(({ id }) => ({ ...nothing, id, phase, problems })) })
        await vi.advanceTimersByTimeAsync(2_000)
      },
    },
  }
}

describe('alerting', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('a missing name is an incident for each path, an unmounted disk is one for all its paths', async () => {
    const names = agentWithPaths()
    await names.sure(0, 'missing', 'ENOENT')
    await names.sure(1, 'missing', 'ENOENT')
    expect(names.told()).toEqual(['Missing: /disk/a', 'Missing: /disk/b'])
    const disk = agentWithPaths()
    await disk.sure(0, 'missing')
    await disk.sure(1, 'missing')
    expect(disk.told()).toEqual(['Missing: /disk/a'])
    expect(disk.agent.store.state.incidents).toMatchObject([
      { group: '/disk', failing: Object.fromEntries(paths.map(({ id }) => [id, expect.anything()])) },
    ])
  })

  it('an I/O error gives a notification although errors counted by ext4 already gave one', async () => {
    const { sure, told } = agentWithPaths()
    // Causes are waited for, and no checker answers.
    const causesAreGivenUp = () => vi.advanceTimersByTimeAsync(5_000)
    await sure(0, 'io-error')
    await causesAreGivenUp()
    await sure(0, 'io-error', 'EIO')
    await sure(1, 'io-error', 'EIO')
    await causesAreGivenUp()
    expect(told()).toEqual(['Input/output error: /disk/a', 'Input/output error: /disk/a and 1 more'])
  })

  it.each([
    ['create', 'touch'],
    ['list', 'ls'],
    ['remove', 'rm'],
    [null, 'touch'],
  ])('the step %s is shown as the shell command %s', async (step, name) => {
    const { sure, agent } = agentWithPaths()
    await sure(0, 'read-only', 'EROFS', step)
    expect(agent.store.state.incidents).toMatchObject([{ step: name, sources: [paths[0]?.id] }])
  })

  it('missing sources of one disk stay one incident when checks then find them on another mount', async () => {
    const { says, unwatched } = agentWithSources('/disk/a', '/disk/b', '/other/c')
    says.checkedOn('/disk', '/disk', '/other')
    await says.scanned('missing')
    expect(unwatched()).toEqual(['/disk 2', '/other 1'])
    says.checkedOn('/', '/', '/')
    await says.scanned('failed')
    expect(unwatched()).toEqual(['/disk 2', '/other 1'])
    await says.scanned('watching')
    expect(unwatched()).toEqual(['/other over', '/disk over'])
  })

  it('an incident of a missing source ends while its disk has an incident', async () => {
    const { says, unwatched } = agentWithSources('/disk/a')
    says.checkedOn('/disk')
    await says.scanned('missing')
    expect(unwatched()).toEqual(['/disk 1'])
    says.failsOn('missing', '/disk')
    await says.scanned('missing')
    expect(unwatched()).toEqual(['/disk over'])
    says.checkedOn('/disk')
    await says.scanned('missing')
    expect(unwatched()).toEqual(['/disk 1', '/disk over'])
  })

  it('each notification is written to the log', async () => {
    const { sure, logged } = agentWithPaths()
    await sure(0, 'read-only', 'EROFS')
    await sure(0, 'ok')
    expect(logged).toContainEqual(expect.stringMatching(/^Read-only: \/disk\/a: /))
    expect(logged).toContainEqual(expect.stringMatching(/^Recovered: \/disk\/a: /))
  })

  it('an incident ends without a notification when its path is no longer checked', async () => {
    const { sure, told, agent } = agentWithPaths()
    await sure(0, 'read-only', 'EROFS')
    agent.change((settings) => ({ ...settings, checkedPaths: settings.checkedPaths.slice(1) }))
    await vi.advanceTimersByTimeAsync(2_000)
    expect(agent.store.state.incidents).toMatchObject([{ endedAt: expect.any(Number) }])
    expect(told()).toHaveLength(1)
  })

  it('an incident of a muted path gives a notification only after the mute has ended', async () => {
    const { sure, told, agent } = agentWithPaths()
    const [a = '', b = ''] = paths.map(({ id }) => id)
    const muted = { [a]: Date.now() + 60_000, [b]: null }
    agent.change((settings) => ({ ...settings, alerts: { ...settings.alerts, muted } }))
    await sure(0, 'read-only', 'EROFS')
    await vi.advanceTimersByTimeAsync(55_000)
    expect(told()).toEqual([])
    await vi.advanceTimersByTimeAsync(10_000)
    expect(told()).toEqual(['Read-only: /disk/a'])
    // An incident is muted while all that it is about is.
    await sure(1, 'hung')
    expect(told()).toHaveLength(1)
  })
})
