import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { describeState } from '../../../cli/agent/status.ts'
import { buildOverview } from '../../../core/agent/parts/computers/overview.ts'
import type { AppState, DestinationState, SourceState } from '../../../core/agent/state/schema.ts'
import { summarize } from '../../../core/agent/state/status.ts'
import { diskKinds } from '../../../core/alerts/kinds.ts'
import { noTotals } from '../../../core/ledger/ledger-messages.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { englishWords } from '../../../core/lib/i18n/words.ts'
import { defaultSettings, receiveSettingsSchema, sourceSchema } from '../../../core/settings/schema.ts'
import { getMenuContent } from '../../../electron/main/tray-menu.ts'
import DestinationsPage from '../../../renderer/features/destinations/destinations-page.tsx'
import { Header } from '../../../renderer/features/frame/header.tsx'
import { OverviewPage } from '../../../renderer/features/overview/overview-page.tsx'
import { checkedAs } from '../../support/agent/checked.ts'
import {
  incident,
  NOW,
  receiver,
  receivingWith,
  senderWith,
  stateWith,
  well,
} from '../../support/agent/status.ts'
import { renderMarkup } from './rendered.tsx'

// Each thing with each failure, in each place that shows it: all places have the level of the table.

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const problem = message('problem.other', { reason: 'It does not work.' })

beforeAll(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: NOW })
})
afterAll(() => {
  vi.useRealTimers()
})

type Level = 'ok' | 'attention' | 'failing' | 'unknown'
interface Fault {
  fault: string
  changes: Partial<AppState>
  level: Level
  /** Omitted: that of the thing. */
  header?: string
}

/** The folder "data" comes second of two, so that an order by gravity is seen. */
const nextTo = (source: SourceState): SourceState[] => [
  { ...well, settings: { ...well.settings, id: 'other', name: 'other', path: '/other' }, destinations: [] },
  source,
]
const folder = (changes: Partial<SourceState>) => ({ sources: nextTo({ ...well, ...changes }) })
const scanned = (changes: object) =>
  folder({ scanned: { ...well.scanned, ...changes } as SourceState['scanned'] })
const settingsOf = (changes: object) => sourceSchema.parse({ ...well.settings, ...changes })
const destination = (changes: Partial<DestinationState>) => ({
  sources: nextTo(well),
  destinations: [{ ...receiver, ...changes }],
})
const connection = (state: DestinationState['connection']['state'], since = NOW - HOUR, fails = false) =>
  destination({ connection: { state, since, problem: fails ? problem : null } })
const damaged = {
  damaged: { files: 2, bytes: 9, foundAt: 1 },
  healing: { isRunning: false, at: NOW, healed: 0, resent: 0, failed: 2, failures: [problem] },
}
const disk = (folders: string[]): AppState['disks'] => ({
  at: NOW,
  all: [
    {
      ...{ id: 'wwn', kind: 'disk', name: 'sda', model: 'WDC', serial: '4711', folders, smart: 'read' },
      ...{ reason: null, readAt: NOW, isRebuilding: false },
      counters: { pending: 12 } as AppState['disks']['all'][number]['counters'],
    },
  ],
})
const failingDisk = (kind: (typeof diskKinds)[number]): Partial<AppState> => ({
  ...folder({ checked: checkedAs('a', { path: '/data', at: NOW, kind }) }),
  incidents: [{ ...incident, kind }],
})
const rule = { pattern: 'met_{YYYY}{MM}{DD}.csv', everyMinutes: 60, withinMinutes: 10 }
const missing = {
  ...{ pattern: rule.pattern, missing: 1, failing: 1, since: NOW - HOUR, came: null },
  newest: [{ path: 'met_20261120.csv', due: NOW - HOUR, tooSmall: null }],
}

const ofDestinations: Fault[] = [
  { fault: 'it is well', changes: destination({}), level: 'ok' },
  { fault: 'it reconnects', changes: connection('unreachable', NOW - 5_000), level: 'ok' },
  { fault: 'it cannot be reached', changes: connection('unreachable'), level: 'attention' },
  { fault: 'it refuses the connection', changes: connection('refused'), level: 'attention' },
  { fault: 'it accepts no files', changes: connection('connected', NOW - HOUR, true), level: 'attention' },
  { fault: 'it has damaged files', changes: destination(damaged), level: 'failing' },
  {
    fault: 'its disk fails',
    changes: {
      ...destination({}),
      incidents: [
        {
          ...incident,
          kind: 'full',
          paths: { there: '/mnt' },
          failing: { there: problem },
          sources: ['there'],
        },
      ],
    },
    level: 'failing',
  },
  {
    fault: 'its disk reports damage',
    changes: { ...destination({}), disks: disk(['there']) },
    level: 'attention',
  },
]

const ofFolders: Fault[] = [
  ...ofDestinations.map((one) => ({ ...one, fault: `destination: ${one.fault}` })),
  ...diskKinds.map((kind) => ({ fault: kind, changes: failingDisk(kind), level: 'failing' as const })),
  {
    fault: 'its disk is slow',
    changes: folder({ checked: checkedAs('a', { path: '/data', at: NOW, kind: 'slow' }) }),
    level: 'ok',
  },
  {
    fault: 'it was not checked',
    changes: folder({ checked: checkedAs('a', { path: '/data', at: NOW - HOUR }) }),
    level: 'attention',
  },
  { fault: 'its disk reports damage', changes: { ...folder({}), disks: disk(['a']) }, level: 'attention' },
  {
    fault: 'an expected file is missing',
    changes: folder({
      settings: settingsOf({ expected: [rule] }),
      scanned: { ...well.scanned, expected: [missing] } as SourceState['scanned'],
    }),
    level: 'attention',
  },
  {
    fault: 'its files were deleted',
    changes: scanned({ deleted: { since: NOW, files: 19, known: 20 } }),
    level: 'attention',
  },
  {
    fault: 'its files were emptied',
    changes: scanned({ held: { since: NOW, lost: 40, changed: 0, known: 60 } }),
    level: 'failing',
  },
  {
    fault: 'files were given up',
    changes: folder({ totals: { ...noTotals, parkedFiles: 1 } }),
    level: 'failing',
  },
  { fault: 'it is not watched', changes: scanned({ phase: 'missing' }), level: 'attention' },
  {
    fault: 'a file cannot be read',
    changes: scanned({ problems: [problem] }),
    level: 'attention',
  },
  {
    fault: 'no new file has come',
    changes: folder({
      settings: settingsOf({ silentHours: 2 }),
      lastFile: { path: 'x', at: NOW - 3 * HOUR },
    }),
    level: 'attention',
  },
  {
    fault: 'a file keeps changing',
    changes: folder({
      destinations: well.destinations.map((one) => ({
        ...one,
        restless: [
          { source: 'a', path: 'x', tries: 3, size: 1, since: NOW - HOUR, storedAt: null, nextAt: NOW },
        ],
      })),
    }),
    level: 'attention',
  },
]

const receive = receiveSettingsSchema.parse({ directory: '/srv/in' })
const settings = { ...defaultSettings, receive }
const stations = (changes: Parameters<typeof senderWith>[1], receiving = {}): Partial<AppState> => ({
  ...{ settings, sources: [] },
  receiving: receivingWith({
    ...receiving,
    senders: [
      senderWith('roof', {
        level: 'ok',
        sentence: 'All is well.',
        statusAt: NOW,
        seenAt: NOW,
        pairedAt: NOW - 24 * HOUR,
        absences: Array(8).fill(0),
        ...changes,
      }),
    ],
  }),
})
const failing = { connected: true, level: 'failing' as const, sentence: 'Full.', failingSince: NOW }

const ofStations: Fault[] = [
  { fault: 'it is well', changes: stations({ connected: true }), level: 'ok' },
  { fault: 'it reports a failure just now', changes: stations(failing), level: 'failing' },
  {
    fault: 'it has reported a failure, and is away for 14 minutes',
    changes: stations({ ...failing, connected: false, seenAt: NOW - 14 * MINUTE }),
    level: 'failing',
  },
  {
    fault: 'it needs attention',
    changes: stations({ connected: true, level: 'attention' }),
    level: 'attention',
  },
  {
    fault: 'it is away for 14 minutes',
    changes: stations({ seenAt: NOW - 14 * MINUTE }),
    level: 'unknown',
    header: 'ok',
  },
  { fault: 'it is away for 15 minutes', changes: stations({ seenAt: NOW - 15 * MINUTE }), level: 'failing' },
  {
    fault: 'it is new, and away for 15 minutes',
    changes: stations({ seenAt: NOW - 15 * MINUTE, absences: [] }),
    level: 'unknown',
    header: 'ok',
  },
  {
    fault: 'it was away for an hour, and now for two',
    changes: stations({ seenAt: NOW - 2 * HOUR, absences: Array(8).fill(HOUR) }),
    level: 'unknown',
    header: 'ok',
  },
  {
    fault: 'it was away for an hour, and now for three',
    changes: stations({ seenAt: NOW - 3 * HOUR, absences: Array(8).fill(HOUR) }),
    level: 'failing',
  },
]

const store = (key: 'transfer.healthFull' | 'transfer.healthNearlyFull') => ({
  store: { problems: [message(key)], failures: 3 },
})
const ofReceivers: Fault[] = [
  { fault: 'it is well', changes: stations({ connected: true }), level: 'ok' },
  {
    fault: 'its store is full',
    changes: stations({ connected: true }, store('transfer.healthFull')),
    level: 'failing',
  },
  {
    fault: 'its store is nearly full',
    changes: stations({ connected: true }, store('transfer.healthNearlyFull')),
    level: 'attention',
  },
  { fault: 'it cannot run', changes: stations({}, { isRunning: false, problem }), level: 'attention' },
]

const found = (pattern: RegExp, markup: string) => pattern.exec(markup)?.[1] ?? 'none'

/** Returns the level that each place shows; of texts, that they have the sentence of the header. */
function readPlaces(state: AppState, mark: (overview: string, destinations: string) => string) {
  const overview = renderMarkup(<OverviewPage state={state} />)
  const header = renderMarkup(<Header state={state} unreachable={null} />)
  const sentence = englishWords(state.status.sentence)
  return {
    mark: mark(overview, renderMarkup(<DestinationsPage state={state} place={null} />)),
    header: found(/<header class="header" data-level="(\w+)"/, header),
    'header icon': found(/class="status-icon" data-level="(\w+)"/, header),
    'tray icon': state.status.level,
    'tray menu': getMenuContent(state, englishWords).line.includes(sentence),
    'command line': describeState(state, NOW)[0] === sentence,
    'page of all computers': buildOverview(state, 'here', NOW).level,
  }
}

/** Expects all places to agree. The calm levels differ: nothing waits, or a folder is on this computer only. */
function expectTruth({ changes, level, header = level }: Fault, mark: Parameters<typeof readPlaces>[1]) {
  const state = stateWith(changes)
  const shown = { ...state, ...summarize(state, NOW) }
  const calm = (one: string) => (['ok', 'working', 'partial', 'starting'].includes(one) ? 'ok' : one)
  const places = Object.entries(readPlaces(shown, mark)).map(([place, one]) => [
    place,
    typeof one === 'string' && place !== 'mark' ? calm(one) : one,
  ])
  expect(Object.fromEntries(places)).toEqual({
    mark: level,
    ...{ header, 'header icon': header, 'tray icon': header, 'page of all computers': header },
    ...{ 'tray menu': true, 'command line': true },
  })
  return shown
}

describe('truth table', () => {
  test.each(ofFolders)(
    'folder: $fault is shown alike by row, dot, order, header, tray and status',
    (fault) => {
      const row = /aria-label="data" data-level="(\w+)"><svg class="health-mark" data-level="(\w+)"/
      const state = expectTruth(fault, (overview) => {
        const [, level, dot] = row.exec(overview) ?? []
        return level === dot ? String(level) : `${level} with the dot ${dot}`
      })
      const overview = renderMarkup(<OverviewPage state={state} />)
      const isFirst = overview.indexOf('aria-label="data"') < overview.indexOf('aria-label="other"')
      expect(isFirst).toBe(fault.level !== 'ok')
      // No good news beside a failure.
      if (fault.level !== 'ok')
        expect(/aria-label="data".*?<\/article>/s.exec(overview)?.[0]).not.toContain('Disk OK')
    },
  )

  test.each(ofDestinations)(
    'destination: $fault is shown alike by card, header, tray and status',
    (fault) =>
      void expectTruth(fault, (_, page) =>
        found(/class="thing" aria-label="nas-2".*?class="health-mark" data-level="(\w+)"/s, page).replace(
          'unknown',
          'ok',
        ),
      ),
  )

  test.each(ofStations)('station: $fault is shown alike by row, header, tray and status', (fault) => {
    const row = /class="thing" aria-label="roof"(.*?)<\/article>/s
    expectTruth(fault, (overview) => {
      const levels = [...found(row, overview).matchAll(/health-mark" data-level="(\w+)"/g)].map(
        ([, one]) => one,
      )
      return levels.join(' and ')
    })
  })

  test.each(ofReceivers)(
    'receiver: $fault is shown alike by card, header, tray and status',
    (fault) =>
      void expectTruth(fault, (_, page) =>
        found(/receiving-health" data-level="(\w+)"/, page).replace('unknown', fault.level),
      ),
  )
})
