import { describe, expect, it } from 'vitest'
import { findConditions } from '../../../core/agent/state/find-conditions.ts'
import type { AppState, SourceState } from '../../../core/agent/state/schema.ts'
import {
  buildOverviewStatus,
  buildOwnStatus,
  overallStatus,
  summarize,
} from '../../../core/agent/state/status.ts'
import { alertsSettingsSchema } from '../../../core/alerts/settings.ts'
import { noTotals } from '../../../core/ledger/ledger-messages.ts'
import { message, type WordKey } from '../../../core/lib/i18n/message.ts'
import { createWords, englishWords } from '../../../core/lib/i18n/words.ts'
import { defaultSettings, receiveSettingsSchema, sourceSchema } from '../../../core/settings/schema.ts'
import {
  connected,
  incident,
  NOW,
  receiver,
  receivingWith,
  running,
  senderWith,
  stateWith,
  status,
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
const damagedWith = (healing: { isRunning: boolean; failed: number }) => {
  const failures = [message('heal.nowhere', { path: 'data/a', name: 'cellar' })]
  const all = { at: NOW, healed: 0, resent: 0, failures, ...healing }
  return { destinations: [{ ...receiver, damaged: { files: 2, bytes: 9, foundAt: 1 }, healing: all }] }
}
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

describe('conditions besides disk failures', () => {
  it.each<[string, Partial<AppState>, string[]]>([
    [
      'damaged files that could not be healed',
      damagedWith({ isRunning: false, failed: 2 }),
      ['damaged:there damaged 0'],
    ],
    ['damaged files that are being healed', damagedWith({ isRunning: true, failed: 2 }), []],
    ['damaged files that their source sends again', damagedWith({ isRunning: false, failed: 0 }), []],
    ['a healthy state has no condition', {}, []],
    [
      'an unreachable destination gives a notification after 5 minutes',
      connection('unreachable'),
      ['destination:there unreachable 5'],
    ],
    [
      'an unreachable destination gives a notification after the delay in the settings',
      { ...connection('unreachable'), ...unreachableAfter(0.1) },
      ['destination:there unreachable 0.1'],
    ],
    [
      'a destination that has been unreachable for 9 seconds has no condition',
      connection('unreachable', { since: NOW - 9_000 }),
      [],
    ],
    ['a destination that is connecting has no condition', connection('connecting'), []],
    [
      'a destination that refuses the connection gives a notification after 1 minute',
      connection('refused'),
      ['destination:there refused 1'],
    ],
    [
      'a connected destination with a problem gives a notification after 1 minute',
      connection('connected', { problem }),
      ['destination:there destination 1'],
    ],
    [
      'an idle destination with a problem gives a notification after 1 minute',
      connection('idle', { problem }),
      ['destination:there destination 1'],
    ],
    [
      'parked files give a notification at once',
      source({ totals: { ...noTotals, parkedFiles: 2 } }),
      ['parked:a parked 0'],
    ],
    [
      'a worker that has been restarting for long gives a notification after 2 minutes',
      { workers: { ...workers, checker: { ...running, condition: 'restarting' } } },
      ['worker:checker worker 2'],
    ],
    [
      'a worker that has been restarting for 9 seconds has no condition',
      { workers: { ...workers, checker: { ...running, condition: 'restarting', since: NOW - 9_000 } } },
      [],
    ],
    [
      'a failed worker gives a notification after 2 minutes',
      { workers: { ...workers, checker: { ...running, condition: 'failed' } } },
      ['worker:checker worker 2'],
    ],
    [
      'a worker that has been restarting for 5 seconds has no condition',
      { workers: { ...workers, checker: { ...running, condition: 'restarting', since: NOW - 5_000 } } },
      [],
    ],
    [
      'a worker that has been restarting for 11 seconds gives a notification after 2 minutes',
      { workers: { ...workers, checker: { ...running, condition: 'restarting', since: NOW - 11_000 } } },
      ['worker:checker worker 2'],
    ],
    [
      'a check result that is an hour old gives a notification after 2 minutes',
      source({ checked: well.checked && { ...well.checked, at: NOW - HOUR } }),
      ['unchecked worker 2'],
    ],
    [
      'a check result that is an hour old because the computer was asleep has no condition',
      {
        ...source({ checked: well.checked && { ...well.checked, at: NOW - HOUR } }),
        awakeSince: NOW - 5_000,
      },
      [],
    ],
    [
      'a source that is polled for lack of watches gives a notification after 5 minutes',
      scanned({
        phase: 'polling',
        problems: [message('scan.watchLimitPolled', { path: '/a', code: 'ENOSPC' })],
      }),
      ['scan:a unwatched 5'],
    ],
    [
      'a source of which a part is polled for lack of watches gives a notification after 5 minutes',
      scanned({ phase: 'watching', problems: [message('scan.watchLimitPart', { path: '/a', count: 3 })] }),
      ['scan:a unwatched 5'],
    ],
    [
      'a missing source gives a notification after 5 minutes',
      scanned({ phase: 'missing' }),
      ['scan:a unwatched 5'],
    ],
    [
      'a source without a silence limit has no condition, however old its last file is',
      expects({}, lastFile(1_000 * HOUR)),
      [],
    ],
    [
      'a source with a new file within its silence limit has no condition',
      expects({ silentHours: 2 }, lastFile(HOUR)),
      [],
    ],
    [
      'a source without a new file within its silence limit gives a notification at once',
      expects({ silentHours: 2 }, lastFile(3 * HOUR)),
      ['silent:a silent 0'],
    ],
    [
      'a source with a silence limit that never had a file gives a notification at once',
      expects({ silentHours: 2 }),
      ['silent:a silent 0'],
    ],
    [
      'a paused source without a new file within its silence limit has no condition',
      expects({ silentHours: 2, paused: true }, lastFile(3 * HOUR)),
      [],
    ],
    [
      'a source that has not been scanned yet has no condition',
      expects({ silentHours: 2 }, { scanned: null, ...lastFile(3 * HOUR) }),
      [],
    ],
    [
      'a batch directory that stays open beyond the silence limit gives a notification at once',
      ofBatches([{ name: 'DC1', phase: 'live', waiting: 1 }], 3 * HOUR),
      ['silent:a not-closed 0'],
    ],
    [
      'a batch directory that has been open for less than the silence limit has no condition',
      ofBatches([{ name: 'DC1', phase: 'live', waiting: 1 }], HOUR),
      [],
    ],
    [
      'a pause of more than a day gives a notification at once',
      { settings: { ...defaultSettings, pause: { since: NOW - 25 * HOUR, until: null } } },
      ['pause paused 0'],
    ],
    [
      'a notice gives a notification at once',
      { notices: [{ id: 'n', sentence: problem }] },
      ['notice:n notice 0'],
    ],
    [
      'a batch source without an open directory has no condition',
      ofBatches([{ name: 'DC1', phase: 'sent', waiting: 0 }], 3 * HOUR),
      [],
    ],
  ])('%s', (_, changes, wanted) => {
    expect(wrong(changes)).toEqual(wanted)
  })

  it('a file that does not fit is the failure of its folder, with the destinations where it is safe', () => {
    const unfit = [{ source: 'a', path: 'scene.tif', size: 9 * 2 ** 20, count: 1 }]
    const stick = { ...receiver, id: 'stick', name: 'USB stick', elsewhere: false }
    const at = (id: string, waitingFiles = 0) => ({
      ...{ id, totals: { ...noTotals, waitingFiles }, rate: 0, left: null, reported: true },
    })
    const told = (files: typeof unfit, ...others: number[]) => {
      const failing = { ...stick, connection: { ...connected, problem }, unfit: files }
      const destinations = [at('stick', 1), ...others.map((count) => at('there', count))]
      const state = stateWith({ destinations: [failing, receiver], sources: [{ ...well, destinations }] })
      const [one] = findConditions(state, NOW).filter(({ kind }) => kind === 'incomplete')
      const { status: header, failures } = summarize(state, NOW)
      const said = [header.sentence, ...(header.detail === null ? [] : [header.detail])].map(englishWords)
      const [whole, chinese] = [englishWords, createWords('zh-TW')].map((words) =>
        one?.kind === 'incomplete' ? words(one.sentence) : null,
      )
      return { said: said.join(' '), whole, chinese, failing: Object.keys(failures) }
    }
    expect(told(unfit, 0)).toMatchObject({
      said: '1 file does not fit on USB stick. It is safe at nas-2.',
      whole: 'data/scene.tif, 9 MiB, does not fit on USB stick. It is safe at nas-2.',
      failing: ['a'],
    })
    expect(told(unfit, 1).said).toBe('1 file does not fit on USB stick. It waits here until there is room.')
    expect(told(unfit.map((one) => ({ ...one, count: 2 })))).toMatchObject({
      whole:
        '2 files do not fit on USB stick, among them data/scene.tif, 9 MiB. They wait here until there is room.',
      chinese: 'USB stick 放不下 2 個檔案，例如 data/scene.tif（9 MiB）。檔案會在此等待，直到有空間為止。',
    })
  })

  it('a folder has a condition of files that do not fit only once some did not', () => {
    const unfit = [{ source: 'a', path: 'scene.tif', size: 9, count: 1 }]
    const find = (changes: Partial<AppState>) =>
      findConditions(stateWith(changes), NOW).filter(({ id }) => id.startsWith('unfit:'))
    expect(find({})).toEqual([])
    expect(find({ destinations: [{ ...receiver, unfit }] })).toMatchObject([{ kind: 'incomplete' }])
    const paths = { 'unfit:there:a': 'data/scene.tif' }
    // An ended one may still have a notification to send, or return.
    for (const endedAt of [null, NOW]) {
      const incidents = [{ ...incident, kind: 'incomplete' as const, paths, failing: {}, endedAt }]
      expect(find({ incidents })).toMatchObject([{ id: 'unfit:there:a', kind: 'ok' }])
      const away = { ...connected, state: 'unreachable' as const }
      expect(find({ incidents, destinations: [{ ...receiver, connection: away }] })).toEqual([
        { id: 'unfit:there:a', kind: 'unknown' },
      ])
    }
  })

  it('a receiver reports its failing and its silent senders, and the space of its store', () => {
    const receive = receiveSettingsSchema.parse({ directory: '/srv/in', silentHoursOf: { shed: 0.5 } })
    const settings = { ...defaultSettings, receive }
    const level = 'failing' as const
    const failing = { connected: true, level, sentence: 'Photos is read-only.', statusAt: NOW }
    const senders = [
      senderWith('roof', { ...failing, failingSince: NOW - 10 * MINUTE }),
      senderWith('attic', { ...failing, failingSince: NOW - 9 * MINUTE }),
      senderWith('shed', { seenAt: NOW - HOUR }),
      senderWith('well', { connected: true }),
    ]
    const receiving = receivingWith({ senders })
    const failures = ['roof', 'attic'].map((name) => `sender:failing:${name} sender-failing 10`)
    const found = [...failures, 'sender:silent:shed sender-silent 0']
    expect(wrong({ settings, receiving })).toEqual(found)
    // Senders reconnect within minutes after this computer was asleep.
    expect(wrong({ settings, receiving, awakeSince: NOW })).toEqual(failures)
    const store = (key: WordKey) =>
      [1, 2, 3].flatMap((failures) =>
        wrong({ receiving: receivingWith({ store: { problems: [message(key)], failures } }) }),
      )
    expect(store('transfer.healthNearlyFull')).toEqual(['receiving low-space 1', 'receiving low-space 5'])
    expect(store('transfer.healthFull')).toEqual(['receiving full 1', 'receiving full 0'])

    const { sentence, detail, ...shown } = status({ settings, receiving })
    expect([shown.level, sentence]).toEqual(['failing', 'shed has not been heard from.'])
    expect(detail).toMatch(/^Since .*2 more/)
    const unwell = { kind: 'sender-failing' as const, failing: { 'sender:failing:roof': problem } }
    const incidents = [{ ...incident, ...unwell }]
    const restarted = { settings, incidents, receiving: receivingWith({ isRunning: false }) }
    expect(findConditions(stateWith(restarted), NOW)).toContainEqual({
      id: 'sender:failing:roof',
      kind: 'unknown',
    })
    // Two computers that send to each other do not report each other's report.
    expect(buildOwnStatus(stateWith({ settings, receiving }), NOW)).toMatchObject({ level: 'ok', kind: null })
  })

  it('a sender’s failure is reported in the reader’s language, with its cause', () => {
    const receive = receiveSettingsSchema.parse({ directory: '/srv/in' })
    const words = message('status.disk.read-only', { name: 'Photos' })
    const causes = [message('cause.stoppedWriting', { type: 'ext4' })]
    const sentence = 'Photos is read-only. Then ext4 stopped writing to protect the data.'
    const find = (changes: Parameters<typeof senderWith>[1]) => {
      const level = 'failing' as const
      const failing = { connected: true, level, statusAt: NOW, failingSince: NOW - HOUR }
      const senders = [senderWith('roof', { ...failing, sentence, ...changes })]
      const state = { settings: { ...defaultSettings, receive }, receiving: receivingWith({ senders }) }
      const [found] = findConditions(stateWith(state), NOW).filter(({ kind }) => kind === 'sender-failing')
      return found?.kind === 'sender-failing' ? found : expect.fail()
    }
    const known = find({ words, causes })
    expect(createWords('zh-TW')(known.sentence)).toBe(`roof 回報：${createWords('zh-TW')(words)}`)
    expect([englishWords(known.sentence), known.cause]).toEqual([
      'roof reports: Photos is read-only.',
      causes,
    ])
    // An earlier version sends the text alone, and a later one may send causes that this one does not have.
    const later = message('cause.ofALaterVersion' as WordKey)
    for (const changes of [{}, { words, causes: [later] }]) {
      const { sentence: said, cause } = find(changes)
      expect([englishWords(said), cause]).toEqual([`roof reports: ${sentence}`, []])
    }
  })

  it('a watched computer is reported while it reports a failure, and after two minutes without contact', () => {
    const sentence = message('status.disk.read-only', { name: 'Photos' })
    const watched = (
      level: 'failing' | 'attention' | 'ok',
      state: 'connected' | 'unreachable' | 'connecting' = 'connected',
      minutes = 60,
    ): Partial<AppState> => ({
      computers: [
        {
          ...{ id: 'c', name: 'station', address: 'https://station:8420/' },
          connection: { state, since: NOW - minutes * MINUTE, problem: null },
          status: { level, sentence, version: '1', failures: [], senders: null },
        },
      ],
    })
    expect(wrong(watched('failing'))).toEqual(['computer:c computer-failing 0'])
    expect(wrong(watched('attention'))).toEqual(['computer:c computer-attention 2'])
    expect(wrong(watched('ok'))).toEqual([])
    expect(wrong(watched('failing', 'unreachable', 2))).toEqual(['computer-contact:c computer-silent 0'])
    expect(wrong({ ...watched('ok', 'unreachable', 2), awakeSince: NOW })).toEqual([])
    // An ongoing incident stays open until the computer is heard from.
    for (const state of ['unreachable', 'connecting'] as const)
      expect(findConditions(stateWith(watched('failing', state, 1.9)), NOW)).toEqual(
        expect.arrayContaining([
          { id: 'computer:c', kind: 'unknown' },
          { id: 'computer-contact:c', kind: 'unknown' },
        ]),
      )
    expect(findConditions(stateWith(watched('failing', 'unreachable')), NOW)).toContainEqual({
      id: 'computer:c',
      kind: 'unknown',
    })
    const { level, sentence: said, detail } = status(watched('failing'))
    expect([level, said, detail]).toEqual(['failing', 'station reports a failure.', 'Photos is read-only.'])
    const [computer] = watched('failing').computers ?? []
    const failures = ['a', 'b'].map((id) => ({ id, sentence }))
    const both = (state: 'connected' | 'unreachable') => ({
      computers: computer?.status
        ? [
            {
              ...computer,
              connection: { ...computer.connection, state },
              status: { ...computer.status, failures },
            },
          ]
        : [],
    })
    expect(wrong(both('connected'))).toEqual([
      'computer:c:a computer-failing 0',
      'computer:c:b computer-failing 0',
    ])
    // A failure that is no longer reported has ended; without contact, its state is unknown.
    const failed = { ...incident, kind: 'computer-failing' as const, failing: { 'computer:c:z': sentence } }
    const idsOf = (kind: string, changes: Partial<AppState>) =>
      findConditions(stateWith({ ...changes, incidents: [failed] }), NOW).flatMap((one) =>
        one.kind === kind && one.id.startsWith('computer:c') ? [one.id] : [],
      )
    expect(idsOf('ok', both('connected'))).toEqual(['computer:c', 'computer:c:z'])
    expect(idsOf('unknown', both('unreachable'))).toEqual(['computer:c', 'computer:c:z'])
    // Two computers that watch each other do not report each other's report.
    expect(buildOverviewStatus(stateWith(watched('failing')), NOW).level).toBe('ok')
    const only = { sources: [], checkedPaths: [] }
    expect(status({ ...watched('ok'), ...only }).sentence).toBe('1 computer is OK.')
    expect(status({ ...watched('ok', 'connecting', 1), ...only }).level).toBe('starting')
  })

  it('each rule for expected files has its own incident, whose end names the files that are still missing', () => {
    const missing = (...hours: number[]) =>
      hours.map((hour) => ({ path: `A33111${hour}`, due: NOW - MINUTE, tooSmall: null as number | null }))
    const rule = (
      pattern: string,
      failing: number,
      newest = missing(9, 8, 7),
      count = 5,
      came: string | null = 'A331120',
    ) => ({
      ...{ pattern, missing: count, failing, newest, since: failing === 0 ? null : NOW - HOUR },
      ...{ next: { path: 'A', due: NOW }, timetable: '60 10 UTC', came },
    })
    const find = (...rules: ReturnType<typeof rule>[]) => {
      const expected = rules.map(({ pattern }) => ({ pattern, everyMinutes: 60, minimumBytes: 1_000 }))
      const state = stateWith(expects({ expected }, scanned({ expected: rules }).sources[0]))
      return findConditions(state, NOW).flatMap((one) =>
        one.kind === 'unknown' || !one.id.startsWith('expected:') ? [] : [one],
      )
    }
    const [first, second] = find(rule('A{DOY}{HH}', 4), rule('B{DOY}{HH}', 0))
    expect(first).toMatchObject({
      ...{ id: 'expected:a:A{DOY}{HH}', kind: 'expected', name: 'data/A331119', since: NOW - HOUR },
    })
    expect(first && englishWords(first.sentence)).toMatch(
      /^4 expected files in a row have not come to data: A331119, A331118, A331117 and 1 more\./,
    )
    expect(second).toMatchObject({ id: 'expected:a:B{DOY}{HH}', kind: 'ok' })
    expect(second?.end && englishWords(second.end)).toMatch(
      /^A331120 has come to data\. 5 files are still missing: A331119, A331118, A331117 and 2 more\./,
    )
    const [ended] = find(rule('A{DOY}{HH}', 0, [], 0))
    expect(ended?.end && englishWords(ended.end)).toBe(
      'A331120 has come to data. No file of A{DOY}{HH} is missing now.',
    )
    // After another period or zone, nothing fails, but nothing has come either: the incident ends as unmonitored.
    expect(find(rule('A{DOY}{HH}', 0, missing(9), 1, null))).toEqual([])
    expect(find(rule('A{DOY}{HH}', 0, [], 0, null))).toMatchObject([{ kind: 'ok' }])
    const pausedRule = scanned({ expected: [rule('A{DOY}{HH}', 1)] }).sources[0]
    const paused = stateWith(
      expects({ paused: true, expected: [{ pattern: 'A{DOY}{HH}', everyMinutes: 60 }] }, pausedRule),
    )
    expect(findConditions(paused, NOW).filter(({ id }) => id.startsWith('expected:'))).toMatchObject([
      { kind: 'unknown' },
    ])
    const [one] = find(rule('A{DOY}{HH}', 1))
    expect(one && englishWords(one.sentence)).toMatch(/^A331119 has not come to data\. /)
    const [small] = find(rule('A{DOY}{HH}', 1, [{ path: 'A331119', due: NOW, tooSmall: 500 }]))
    expect(small && englishWords(small.sentence)).toMatch(
      /^A331119 is in data, but too small: it has 500 B, and only files of at least 1,000 B count\./,
    )
    const [any] = find(rule('*', 2, [{ path: '*', due: NOW, tooSmall: null }]))
    expect(any && englishWords(any.sentence)).toMatch(/^No file has come to data that matches \*\./)
    // The title of the incident has it.
    expect(any?.sentence.params).toMatchObject({ file: '*' })
    const mixed = [
      { path: 's13', due: NOW, tooSmall: 5 },
      { path: '*', due: NOW - MINUTE, tooSmall: null },
      { path: 's11', due: NOW - HOUR, tooSmall: 5 },
    ]
    const [end] = find(rule('*', 0, mixed, 3))
    expect(end?.end && englishWords(end.end)).toMatch(
      /^A331120 has come to data\. 3 files are still missing: s13, s11 and 1 more\./,
    )
  })

  it('a problem of the store is one failure, with its incident or without', () => {
    const problems = [message('transfer.healthNotWritable', { reason: 'EROFS' })]
    const lasting = { ...incident, kind: 'error' as const, failing: { receiving: problem } }
    const { sentence, detail } = status({
      receiving: receivingWith({ store: { problems, failures: 3 } }),
      incidents: [lasting],
    })
    expect(sentence).toBe('Other computers cannot send here.')
    expect(detail).toMatch(/^The store cannot be written to: read-only/)
    expect(detail).not.toContain('more')
  })

  it('a known state gives ok, a state that is not known yet gives unknown', () => {
    const said = (changes: Partial<AppState>) =>
      findConditions(stateWith(changes), NOW).map(({ id, kind }) => `${id} ${kind}`)
    const all = said({ destinations: [{ ...receiver, connection: connected }] })
    expect(all).toEqual(expect.arrayContaining(['destination:there ok', 'scan:a ok', 'silent:a ok']))
    expect(all).toEqual(expect.arrayContaining(['worker:checker ok', 'unchecked ok']))
    expect(said(connection('connecting'))).toContain('destination:there unknown')
    expect(said(connection('idle'))).toContain('destination:there unknown')
    expect(said({ receiving: receivingWith({ isRunning: false, since: NOW }) })).toContain(
      'receiving unknown',
    )
    expect(said({ receiving: receivingWith() })).toContain('receiving ok')
    const late = { isRunning: false, since: NOW - 6 * MINUTE }
    expect(wrong({ receiving: receivingWith(late) })).toEqual(['receiving worker 1'])
    expect(said({ receiving: null }).join()).not.toContain('receiving')
    // A sender that has just started has not told yet what was given up.
    const unheard = well.destinations.map((one) => ({ ...one, reported: false }))
    expect(said(source({ destinations: unheard }))).toContain('parked:a unknown')
    expect(all).toContain('parked:a ok')
  })

  it('a destination whose disk has an incident gets no condition', () => {
    const taking = connection('connected', { problem })
    const failing = { ...taking, incidents: [{ ...incident, failing: { there: problem } }] }
    expect(wrong(failing)).toEqual([])
    const ids = (changes: Partial<AppState>) => findConditions(stateWith(changes), NOW).map(({ id }) => id)
    expect(ids(failing)).not.toContain('destination:there')
    expect(ids(taking)).toContain('destination:there')
  })

  it('a problem of a connected destination begins now, not at the time of its connection', () => {
    const all = findConditions(stateWith(connection('connected', { problem })), NOW)
    expect(all.find(({ kind }) => kind === 'destination')).toMatchObject({ since: NOW })
  })

  it('a successful restore ends the notice of a failed one', () => {
    const done = message('restore.done', { path: '/back', count: 1 })
    const noticed = (sentence: typeof done) =>
      findConditions(stateWith({ notices: [{ id: 'restore', sentence }] }), NOW).find(
        ({ id }) => id === 'notice:restore',
      )?.kind
    expect(noticed(problem)).toBe('notice')
    expect(noticed(done)).toBe('ok')
  })

  it('a notice found at another time gets another id', () => {
    const [first, second] = [1, 2].map((at) => {
      const sentence = message('transfer.sessionOlder', { name: 'nas', files: 2, at })
      const all = findConditions(stateWith({ notices: [{ id: 'session d', sentence }] }), NOW)
      return all.find(({ kind }) => kind === 'notice')?.id
    })
    expect(first).toBeDefined()
    expect(first).not.toBe(second)
  })

  it('the sentence about parked files names the first one', () => {
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

describe('overall status of several problems', () => {
  const away = {
    ...receiver,
    totals: waiting,
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
    const { level, sentence, detail, more = [] } = overallStatus(state, NOW)
    return [level, englishWords(sentence), detail && englishWords(detail), ...more.map(englishWords)]
  }

  it('the most severe problem is named with the number of the others', () => {
    expect(said(all)).toEqual([
      'failing',
      'data is read-only.',
      expect.stringMatching(/^Since /),
      '2 more problems.',
    ])
    const two = { ...all, incidents: [] }
    expect(said(two)).toEqual([
      'failing',
      '1 file of data could not be sent.',
      'Parked until it is retried: …',
      '1 more problem.',
    ])
    const one = { ...two, sources: [well] }
    expect(said(one)).toEqual([
      'attention',
      'nas-2 is unreachable.',
      expect.stringMatching(/^Since /),
      '128 files wait here.',
    ])
  })

  it('an ended incident is not counted as a problem', () => {
    const over = { ...incident, endedAt: NOW, failing: {} }
    expect(said({ ...all, incidents: [over], sources: [well] }).at(-1)).toBe('128 files wait here.')
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

  it('a file that changes faster than it can be sent is reported from the third attempt on', () => {
    expect(wrong(changing(2, null))).toEqual([])
    expect(wrong(changing(3, null))).toEqual(['changing:a incomplete 1'])
    const { level, sentence, detail } = overallStatus(stateWith(changing(7, NOW - 2 * HOUR)), NOW)
    const said = detail && englishWords(detail)
    expect(level).toBe('attention')
    expect(englishWords(sentence)).toBe('A file of data keeps changing.')
    expect(said).toContain('db/state.db changes faster than it can be sent: 7 tries since')
    expect(said).toContain('The copy at nas-2 is as of')
    const told = findConditions(stateWith(changing(7, null)), NOW).find(({ id }) => id === 'changing:a')
    expect(told !== undefined && 'sentence' in told && englishWords(told.sentence)).toContain(
      'There is no copy at nas-2 yet. It is sent once it stays unchanged',
    )
  })
})

describe('symbolic link of a source path', () => {
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
    ['still has its target is ok', at(undefined), { kind: 'ok' }],
    [
      'leads elsewhere gives a notice',
      at('/data/b'),
      { kind: 'notice', sentence: { key: 'condition.linkMoved' } },
    ],
    ['leads nowhere gives a notice', at(null), { kind: 'notice', sentence: { key: 'condition.linkGone' } }],
    ['leads to the path in the settings is ok', at(settings.path), { kind: 'ok' }],
    ['could not be read because the check hangs is unknown', at(undefined, 'hung'), { kind: 'unknown' }],
  ])('a link that %s', (_, found, expected) => {
    expect(found).toMatchObject([expected])
  })
})

describe('channels', () => {
  const channel = { id: 'line', name: 'Line', type: 'line' as const, options: { to: 'U1' } }
  const alerts = alertsSettingsSchema.parse({ channels: [channel] })
  type ChannelState = AppState['channels'][number]
  const channelState = (secrets: string[], changes: Partial<ChannelState> = {}): ChannelState => ({
    ...{ id: 'line', condition: 'unused', at: null, failingSince: null, sentence: null, waiting: 0 },
    ...{ secrets, ...changes },
  })
  const wrongWith = (channels: AppState['channels'], enabled = true, awakeSince = NOW - 24 * 3_600_000) =>
    wrong({
      ...{ channels, awakeSince },
      settings: {
        ...defaultSettings,
        alerts: { ...alerts, channels: alerts.channels.map((one) => ({ ...one, enabled })) },
      },
    })

  it('a missing secret is an incident only for an enabled channel whose secrets are known', () => {
    expect(wrongWith([channelState([])])).toEqual(['channel:line notice 0'])
    expect(wrongWith([channelState(['token'])])).toEqual([])
    expect(wrongWith([channelState([])], false)).toEqual([])
    expect(wrongWith([])).toEqual([])
  })

  it('a refusal is an incident at once, another failure after half an hour', () => {
    const sentence = message('channel.refused', { host: 'api.line.me', status: 401, answer: '' })
    const failing = (
      condition: ChannelState['condition'],
      minutes: number,
      more: Partial<ChannelState> = {},
    ) =>
      channelState(['token'], {
        ...{ condition, sentence, failingSince: NOW - minutes * 60_000, at: NOW, waiting: 1, ...more },
      })
    expect(wrongWith([failing('refused', 0)])).toEqual(['delivery:line notice 0'])
    expect(wrongWith([failing('retrying', 31)])).toEqual(['delivery:line notice 0'])
    expect(wrongWith([failing('retrying', 29)])).toEqual([])
    // In quiet hours it makes no attempt, and a test leaves nothing that waits.
    expect(wrongWith([failing('retrying', 60, { at: NOW - 59 * 60_000 })])).toEqual([])
    expect(wrongWith([failing('retrying', 60, { waiting: 0 })])).toEqual([])
    expect(wrongWith([failing('retrying', 31)], true, NOW - 60_000)).toEqual([])
    expect(wrongWith([failing('refused', 0)], false)).toEqual([])
    expect(wrongWith([channelState(['token'], { condition: 'ok', sentence })])).toEqual([])
  })

  it('a change of its settings does not end a failure of the deliveries, and neither does the start', () => {
    const state = stateWith({
      channels: [channelState(['token'])],
      settings: { ...defaultSettings, alerts },
    })
    expect(findConditions(state, NOW).filter(({ id }) => id === 'delivery:line')).toMatchObject([
      { kind: 'unknown' },
    ])
  })
})
