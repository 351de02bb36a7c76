import { hostname } from 'node:os'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { describeState } from '../../../cli/agent/status.ts'
import { describeFolders } from '../../../cli/folders/folder-state.ts'
import { senderConfigs } from '../../../core/agent/workers/configs.ts'
import type { OwnStatus } from '../../../core/backends/backend-messages.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { isThisComputer } from '../../../core/platform/mounts.ts'
import { createDataDirectory } from '../../../core/settings/data-directory.ts'
import { settingsSchema } from '../../../core/settings/schema.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { stopClock } from '../../support/time.ts'
import { checkedPath, destinationState, emptyState, sourceState } from '../renderer/fake-state.ts'

stopClock(new Date(2026, 10, 22, 14, 30))

const buildSettings = (host: string | null, kind: 'continuous' | 'batch' = 'continuous') =>
  settingsSchema.parse({
    sources: [
      { id: 's', path: '/data', name: 'data', kind, deleteAfter: { hours: 24 } },
      { id: 't', path: '/other', name: 'other' },
    ],
    destinations:
      host === null
        ? []
        : [{ id: 'r', kind: 'receiver' as const, name: 'nas', host, port: 1, fingerprint: 'a'.repeat(64) }],
  })
const status: OwnStatus = { level: 'failing', kind: 'missing', sentence: 'No disk.', version: '1' }
const here = { computerName: 'here', isHeld: false, secrets: {}, proxy: null, status, findDecision: null }
const findElsewhere = ({ destinations }: ReturnType<typeof buildSettings>) =>
  new Set(
    destinations.filter((one) => one.kind === 'receiver' && !isThisComputer(one.host)).map(({ id }) => id),
  )
const getSources = (settings: ReturnType<typeof buildSettings>) =>
  [
    ...senderConfigs(settings, createDataDirectory(temporaryDirectory('layout')), {
      ...here,
      connected: new Set(),
      busy: new Set(),
      safe: findElsewhere(settings),
    }).values(),
  ].flatMap(({ sources }) => sources)
const getRemovals = (settings: ReturnType<typeof buildSettings>) =>
  getSources(settings).map(({ removal }) => removal)

const DAY = 86_400_000

test.each([
  ['another computer', 'nas.example', { afterMs: DAY, marks: [], sentMark: null }],
  ['the receiver in this application', null, undefined],
  ['this computer by its name', 'localhost', undefined],
  ['this computer by its address', '127.0.0.1', undefined],
  ['this computer by its address in brackets', '[::1]', undefined],
  ['this computer by its whole name', `${hostname()}.`, undefined],
  ['this computer by the name that the network knows', `${hostname()}.local`, undefined],
  ['this computer by the name that Linux gives it', 'localhost.localdomain', undefined],
])('delete after sending: only another computer allows it: %s', (_what, host, expected) => {
  expect(getRemovals(buildSettings(host))).toEqual([expected, undefined])
})

test.each([
  ['linux', true],
  ['win32', false],
] as const)('group-write marks: a batch source on %s owes them: %s', (platform, owed) => {
  vi.spyOn(process, 'platform', 'get').mockReturnValue(platform)
  onTestFinished(() => void vi.restoreAllMocks())
  const marks = getSources(buildSettings('nas.example', 'batch')).map(({ groupWriteMark }) => groupWriteMark)
  expect(marks).toEqual([owed, false])
})

test('delete after sending: a batch source passes its marks and its sent mark to the sender', () => {
  const marks = ['finished.parse', 'finished.watch']
  const expected = { afterMs: DAY, marks, sentMark: 'finished.watch' }
  expect(getRemovals(buildSettings('nas.example', 'batch'))[0]).toEqual(expected)
})

test('`holdfast status`: the lines have rate, remaining time, limit and deletion after sending', () => {
  const source = sourceState('data', '/data', {
    rate: 2_097_152,
    left: 300_000,
    settings: { deleteAfter: { hours: 48 } },
  })
  const shown = emptyState({
    sources: [source],
    destinations: emptyState().destinations.map((one) => ({ ...one, kind: 'receiver', elsewhere: true })),
    allowance: {
      now: { kind: 'limit', bytesPerSecond: 1_048_576 },
      until: new Date().setHours(18, 0, 0, 0),
    },
  })
  const lines = describeFolders(shown)
  expect(lines).toContain('  2 MiB/s, about 5 min left')
  expect(lines).toContain('  sent files are removed here after 2 days')
  expect(describeState(shown)).toContain('  limit: at most 1 MiB/s, until 18:00')
  expect(describeFolders(emptyState({ sources: [source] })).join('\n')).toContain('nothing is removed')
})

test('`holdfast status`: names the destination without proof of durability that prevents deletion', () => {
  const settings = { deleteAfter: { hours: 48 } }
  const source = sourceState('data', '/data', { settings })
  const unsure = destinationState('cloud')
  const state = (durable: boolean) => {
    const connection = { ...unsure.connection, durable }
    const destinations = [{ ...unsure, id: 'embedded', connection }]
    return describeFolders(emptyState({ sources: [source], destinations })).join('\n')
  }
  expect(state(true)).toContain('sent files are removed here after 2 days')
  expect(state(false)).toContain('Nothing is removed here: cloud does not confirm that files are on its disk')
})

test('`holdfast status`: control characters in names, paths and sentences are escaped', () => {
  const evil = '\x1b[2J\nall is well'
  const source = sourceState(evil, `/data/${evil}`)
  const problem = message('scan.fileUnreadable', { path: `/data/${evil}`, reason: 'EIO' })
  const scanned = source.scanned && { ...source.scanned, problems: [problem] }
  const [destination = destinationState('nas')] = emptyState().destinations
  const connection = { ...destination.connection, problem }
  const state = emptyState({
    sources: [{ ...source, scanned }],
    checkedPaths: [checkedPath(`/checked/${evil}`)],
    destinations: [{ ...destination, connection }],
    notices: [{ id: 'one', sentence: problem }],
  })
  const lines = [...describeState(state), ...describeFolders(state)]
  expect(lines.join('')).not.toMatch(/\p{Cc}/u)
  expect(lines.join('')).toContain('\\x1b[2J\\x0aall is well')
})

describe('sender configurations of several destinations', () => {
  const receiver = (id: string, host: string) => ({
    id,
    name: id,
    kind: 'receiver' as const,
    host,
    port: 1,
    fingerprint: 'a'.repeat(64),
  })
  const settings = settingsSchema.parse({
    sources: [
      { id: 's', path: '/data', name: 'data', deleteAfter: { hours: 24 } },
      { id: 't', path: '/other', name: 'other', destinations: ['far'] },
    ],
    destinations: [
      receiver('near', 'localhost'),
      receiver('far', 'nas.example'),
      receiver('none', 'nas.example'),
    ],
    send: { bytesPerSecond: 1_000_000 },
  })
  const chosen = {
    ...settings,
    sources: settings.sources.map((one) => ({ ...one, destinations: one.destinations ?? ['near', 'far'] })),
  }
  const configs = (connected: string[], busy: string[]) =>
    senderConfigs(chosen, createDataDirectory(temporaryDirectory('layout')), {
      ...here,
      connected: new Set(connected),
      busy: new Set(busy),
      safe: findElsewhere(chosen),
    })

  test('each sender gets its sources, their other destinations, and the ids of all sources', () => {
    const all = configs([], [])
    expect([...all.keys()]).toEqual(['near', 'far', 'none'])
    const getSources = (id: string) => all.get(id)?.sources.map((one) => [one.id, one.alsoTo])
    expect(getSources('near')).toEqual([['s', ['far']]])
    expect(getSources('far')).toEqual([
      ['s', ['near']],
      ['t', []],
    ])
    expect(getSources('none')).toEqual([])
    for (const config of all.values()) expect(config.known).toEqual(['s', 't'])
  })

  test('deletion after sending is allowed only while all destinations of the source are connected', () => {
    const removals = (connected: string[]) =>
      [...configs(connected, []).values()].map(({ sources }) => sources[0]?.removal !== undefined)
    expect(removals(['far'])).toEqual([false, false, false])
    expect(removals(['near', 'far'])).toEqual([true, true, false])
  })

  test('busy destinations share the rate limit, and an idle one adds itself to them', () => {
    const shares = (busy: string[]) => [...configs([], busy).values()].map(({ limit }) => limit.shares)
    expect(shares([])).toEqual([1, 1, 1])
    expect(shares(['near'])).toEqual([1, 2, 2])
    expect(shares(['near', 'far'])).toEqual([2, 2, 3])
  })

  test('each sender gets the status of this computer', () => {
    const told = [...configs([], []).values()].map((config) => config.status)
    expect(told).toEqual([here.status, here.status, here.status])
  })
})
