import { describe, expect, it } from 'vitest'
import { findConditions } from '../../../core/agent/state/conditions.ts'
import type { AppState, SourceState } from '../../../core/agent/state/schema.ts'
import { overallStatus } from '../../../core/agent/state/status.ts'
import { alertsSettingsSchema } from '../../../core/alerts/settings.ts'
import { noTotals } from '../../../core/ledger/ledger-messages.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { englishWords } from '../../../core/lib/i18n/words.ts'
import { defaultSettings, sourceSchema } from '../../../core/settings/schema.ts'
import {
  connected,
  incident,
  NOW,
  receiver,
  running,
  stateWith,
  waiting,
  well,
  workers,
} from '../../support/agent/status.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** What is wrong in a state that is well, with these changes; `tellAfterMs` in minutes. */
function wrong(changes: Partial<AppState>) {
  return findConditions(stateWith(changes), NOW).flatMap((one) =>
    one.kind === 'ok' || one.kind === 'unknown' ? [] : [`${one.id} ${one.kind} ${one.tellAfterMs / MINUTE}`],
  )
}

const problem = message('problem.other', { reason: 'The store is full.' })
const connection = (state: AppState['destinations'][0]['connection']['state'], changes = {}) => ({
  destinations: [{ ...receiver, connection: { state, since: NOW - HOUR, problem: null, ...changes } }],
})
const source = (changes: Partial<SourceState>) => ({ sources: [{ ...well, ...changes }] })
const scanned = (changes: object) =>
  source({ scanned: { ...well.scanned, ...changes } as SourceState['scanned'] })
const expects = (settings: object, changes: Partial<SourceState> = {}) =>
  source({ ...changes, settings: sourceSchema.parse({ ...well.settings, ...settings }) })
const unreachableAfter = (unreachableMinutes: number) => ({
  settings: { ...defaultSettings, alerts: { ...defaultSettings.alerts, unreachableMinutes } },
})
const lastFile = (age: number) => ({ lastFile: { path: 'x', at: NOW - age } })
type Batches = NonNullable<SourceState['scanned']>['batches']
/** Its newest directory has been that for so long, and files come all the time. */
const ofBatches = (batches: Batches, age: number) => {
  const live = batches.find(({ phase }) => phase === 'live')
  const newest = live === undefined ? null : { name: live.name, since: NOW - age }
  return expects(
    { kind: 'batch', silentHours: 2 },
    { ...scanned({ batches }).sources[0], newest, ...lastFile(1_000) },
  )
}

describe('what is wrong besides the disks', () => {
  it.each<[string, Partial<AppState>, string[]]>([
    ['nothing', {}, []],
    ['a destination is away', connection('unreachable'), ['destination:there unreachable 5']],
    [
      'and is told after as long as the settings have it',
      { ...connection('unreachable'), ...unreachableAfter(0.1) },
      ['destination:there unreachable 0.1'],
    ],
    ['it reconnects', connection('unreachable', { since: NOW - 9_000 }), []],
    ['it is being connected', connection('connecting'), []],
    ['it accepts no certificate', connection('refused'), ['destination:there refused 1']],
    ['it takes nothing', connection('connected', { problem }), ['destination:there destination 1']],
    ['nothing can connect', connection('idle', { problem }), ['destination:there destination 1']],
    ['files were given up', source({ totals: { ...noTotals, parkedFiles: 2 } }), ['parked:a parked 0']],
    [
      'a worker is away',
      { workers: { ...workers, checker: { ...running, condition: 'restarting' } } },
      ['worker:checker worker 2'],
    ],
    [
      'a worker is away for a moment',
      { workers: { ...workers, checker: { ...running, condition: 'restarting', since: NOW - 9_000 } } },
      [],
    ],
    [
      'a worker keeps ending',
      { workers: { ...workers, notifier: { ...running, condition: 'failed' } } },
      ['worker:notifier worker 2'],
    ],
    [
      'a worker has been started again just now',
      { workers: { ...workers, checker: { ...running, condition: 'restarting', since: NOW - 5_000 } } },
      [],
    ],
    [
      'a worker is away for longer',
      { workers: { ...workers, checker: { ...running, condition: 'restarting', since: NOW - 11_000 } } },
      ['worker:checker worker 2'],
    ],
    [
      'a verdict is old',
      source({ checked: well.checked && { ...well.checked, at: NOW - HOUR } }),
      ['unchecked worker 2'],
    ],
    [
      'it is as old, but the computer was asleep',
      {
        ...source({ checked: well.checked && { ...well.checked, at: NOW - HOUR } }),
        awakeSince: NOW - 5_000,
      },
      [],
    ],
    [
      'it is polled for want of watches',
      scanned({
        phase: 'polling',
        problems: [message('scan.watchLimitPolled', { path: '/a', code: 'ENOSPC' })],
      }),
      ['scan:a unwatched 5'],
    ],
    ['a source is not there', scanned({ phase: 'missing' }), ['scan:a unwatched 5']],
    ['nothing is expected of a source', expects({}, lastFile(1_000 * HOUR)), []],
    ['something came in time', expects({ silentHours: 2 }, lastFile(HOUR)), []],
    ['nothing came', expects({ silentHours: 2 }, lastFile(3 * HOUR)), ['silent:a silent 0']],
    ['nothing ever came', expects({ silentHours: 2 }), ['silent:a silent 0']],
    ['a source is paused', expects({ silentHours: 2, paused: true }, lastFile(3 * HOUR)), []],
    [
      'a source has not been looked through yet',
      expects({ silentHours: 2 }, { scanned: null, ...lastFile(3 * HOUR) }),
      [],
    ],
    [
      'the newest directory is not closed',
      ofBatches([{ name: 'DC1', phase: 'live', waiting: 1 }], 3 * HOUR),
      ['silent:a not-closed 0'],
    ],
    [
      'it has not been the newest for long',
      ofBatches([{ name: 'DC1', phase: 'live', waiting: 1 }], HOUR),
      [],
    ],
    [
      'it has been paused for more than a day',
      { settings: { ...defaultSettings, pause: { since: NOW - 25 * HOUR, until: null } } },
      ['pause paused 0'],
    ],
    [
      'there is something that a person should know once',
      { notices: [{ id: 'n', sentence: problem }] },
      ['notice:n notice 0'],
    ],
    ['no directory is open', ofBatches([{ name: 'DC1', phase: 'sent', waiting: 0 }], 3 * HOUR), []],
  ])('%s', (_, changes, wanted) => {
    expect(wrong(changes)).toEqual(wanted)
  })

  it('says that it is well where it is known, and that it is not known where it is not', () => {
    const said = (changes: Partial<AppState>) =>
      findConditions(stateWith(changes), NOW).map(({ id, kind }) => `${id} ${kind}`)
    const all = said({ destinations: [{ ...receiver, connection: connected }] })
    expect(all).toEqual(expect.arrayContaining(['destination:there ok', 'scan:a ok', 'silent:a ok']))
    expect(all).toEqual(expect.arrayContaining(['worker:notifier ok', 'unchecked ok']))
    expect(said(connection('connecting'))).toContain('destination:there unknown')
    expect(said(connection('idle'))).toContain('destination:there unknown')
    const receiving = { directory: '/r', port: 1, isRunning: false, problem: null, since: NOW, senders: [] }
    expect(said({ receiving })).toContain('receiving unknown')
    expect(said({ receiving: { ...receiving, isRunning: true } })).toContain('receiving ok')
    expect(said({ receiving: null }).join()).not.toContain('receiving')
    // A sender that has just started has not told yet what was given up.
    const unheard = well.destinations.map((one) => ({ ...one, reported: false }))
    expect(said(source({ destinations: unheard }))).toContain('parked:a unknown')
    expect(all).toContain('parked:a ok')
  })

  it('leaves a folder that takes nothing to the incident of its disk', () => {
    const taking = connection('connected', { problem })
    const disk = { endedAt: null, kind: 'read-only', failing: { there: problem } } as unknown
    const failing = { ...taking, incidents: [disk as AppState['incidents'][0]] }
    expect(wrong(failing)).toEqual([])
    const ids = (changes: Partial<AppState>) => findConditions(stateWith(changes), NOW).map(({ id }) => id)
    expect(ids(failing)).not.toContain('destination:there')
    expect(ids(taking)).toContain('destination:there')
  })

  it('counts a connected destination that takes nothing from now on, not since it was connected', () => {
    const all = findConditions(stateWith(connection('connected', { problem })), NOW)
    expect(all.find(({ kind }) => kind === 'destination')).toMatchObject({ since: NOW })
  })

  it('takes a restore that was successful for the end of one that was not', () => {
    const done = message('restore.done', { path: '/back', count: 1 })
    const noticed = (sentence: typeof done) =>
      findConditions(stateWith({ notices: [{ id: 'restore', sentence }] }), NOW).find(
        ({ id }) => id === 'notice:restore',
      )?.kind
    expect(noticed(problem)).toBe('notice')
    expect(noticed(done)).toBe('ok')
  })

  it('takes what was found at another time for another subject: it is told anew', () => {
    const [first, second] = [1, 2].map((at) => {
      const sentence = message('transfer.sessionOlder', { name: 'nas', files: 2, at })
      const all = findConditions(stateWith({ notices: [{ id: 'session d', sentence }] }), NOW)
      return all.find(({ kind }) => kind === 'notice')?.id
    })
    expect(first).toBeDefined()
    expect(first).not.toBe(second)
  })

  it('names a file that was given up', () => {
    const parked = [{ source: 'a', path: 'run/1.bin' } as AppState['parked'][0]]
    const said = (count: number, files = parked) => {
      const totals = { ...noTotals, parkedFiles: count }
      const all = findConditions(stateWith({ ...source({ totals }), parked: files }), NOW)
      return all.flatMap((one) => (one.kind === 'parked' ? [englishWords(one.sentence)] : []))
    }
    expect(said(1)).toEqual(['1 file of data could not be sent and is parked: run/1.bin'])
    expect(said(3)).toEqual(['3 files of data could not be sent and are parked, among them run/1.bin'])
  })
})

describe('the headline of several problems', () => {
  const away = {
    ...receiver,
    connection: { state: 'unreachable' as const, since: NOW - HOUR, problem: null },
  }
  const parked = { ...noTotals, parkedFiles: 1 }
  const all = stateWith({
    incidents: [incident],
    destinations: [away],
    sources: [{ ...well, totals: parked }],
    totals: { ...parked, ...waiting },
  })
  const said = (state: AppState) => {
    const { level, sentence, detail } = overallStatus(state, NOW)
    return [level, englishWords(sentence), detail === null ? null : englishWords(detail)]
  }

  it('names the gravest, and how many more there are', () => {
    expect(said(all)).toEqual([
      'failing',
      expect.stringMatching(/^data has been read-only/),
      '2 more problems.',
    ])
    const two = { ...all, incidents: [] }
    expect(said(two)).toEqual([
      'failing',
      '1 file of data could not be sent and is parked: …',
      '1 more problem.',
    ])
    const one = { ...two, sources: [well] }
    expect(said(one)).toEqual(['attention', expect.stringContaining('nas-2 has been unreachable'), null])
  })

  it('counts what is over, and what is no incident yet, as nothing', () => {
    const over = { ...incident, endedAt: NOW, failing: {} }
    expect(said({ ...all, incidents: [over], sources: [well] })[2]).toBeNull()
  })
})

describe('rewritten files', () => {
  const file = { source: 'a', path: 'db/state.db', size: 40, since: NOW - HOUR, nextAt: null }
  const changing = (tries: number, storedAt: number | null) =>
    source({
      totals: { ...noTotals, waitingFiles: 1, waitingBytes: 40 },
      destinations: well.destinations.map((one) =>
        one.id === 'there' ? { ...one, restless: [{ ...file, tries, storedAt }] } : one,
      ),
    })

  it('a file that is rewritten faster than it can be sent is told from the third attempt on', () => {
    expect(wrong(changing(2, null))).toEqual([])
    expect(wrong(changing(3, null))).toEqual(['changing:a incomplete 1'])
    const { level, sentence } = overallStatus(stateWith(changing(7, NOW - 2 * HOUR)), NOW)
    const said = englishWords(sentence)
    expect(level).toBe('attention')
    expect(said).toContain('db/state.db changes faster than it can be sent: 7 tries since')
    expect(said).toContain('The copy at nas-2 is as of')
    const told = findConditions(stateWith(changing(7, null)), NOW).find(({ id }) => id === 'changing:a')
    expect(told !== undefined && 'sentence' in told && englishWords(told.sentence)).toContain(
      'There is no copy at nas-2 yet. It is sent once it stays unchanged',
    )
  })
})

describe('a link by which a path was given', () => {
  const link = '/data/current'
  const { settings } = well
  const at = (leadsTo: string | null | undefined, kind: 'ok' | 'hung' = 'ok') => {
    const given = { ...settings, link }
    const checked = well.checked && {
      ...well.checked,
      overall: { ...well.checked.overall, kind },
      ...(leadsTo === undefined ? {} : { leadsTo }),
    }
    const state = stateWith({
      sources: [{ ...well, settings: given, checked }],
      settings: { ...defaultSettings, sources: [given] },
    })
    return findConditions(state, NOW).filter(({ id }) => id.startsWith('link:'))
  }

  it.each<[string, ReturnType<typeof at>, object]>([
    ['leads where it led', at(undefined), { kind: 'ok' }],
    ['leads elsewhere', at('/data/b'), { kind: 'notice', sentence: { key: 'condition.linkMoved' } }],
    ['leads nowhere', at(null), { kind: 'notice', sentence: { key: 'condition.linkGone' } }],
    ['was followed since the check', at(settings.path), { kind: 'ok' }],
    ['was not read by a check that hangs', at(undefined, 'hung'), { kind: 'unknown' }],
  ])('links: one that %s', (_, found, expected) => {
    expect(found).toMatchObject([expected])
  })
})

describe('a channel without a secret that it needs', () => {
  const channel = { id: 'line', name: 'Line', type: 'line' as const, options: { to: 'U1' } }
  const alerts = alertsSettingsSchema.parse({ channels: [channel] })
  const channelState = (secrets: string[]) => ({
    ...{ id: 'line', condition: 'unused' as const, at: null, sentence: null, waiting: 0 },
    secrets,
  })
  const wrongWith = (channels: AppState['channels'], enabled = true) =>
    wrong({
      channels,
      settings: {
        ...defaultSettings,
        alerts: { ...alerts, channels: alerts.channels.map((one) => ({ ...one, enabled })) },
      },
    })

  it('secrets: is an incident, unless it is switched off or nothing is known of it', () => {
    expect(wrongWith([channelState([])])).toEqual(['channel:line notice 0'])
    expect(wrongWith([channelState(['token'])])).toEqual([])
    expect(wrongWith([channelState([])], false)).toEqual([])
    expect(wrongWith([])).toEqual([])
  })
})
