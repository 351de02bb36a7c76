import { describe, expect, it } from 'vitest'
import { initialState } from '../../../core/agent/state/initial.ts'
import type { AppState, SourceState } from '../../../core/agent/state/schema.ts'
import { overallStatus } from '../../../core/agent/state/status.ts'
import { noTotals } from '../../../core/ledger/no-totals.ts'
import { Refused } from '../../../core/send/link/dial.ts'
import { troubleOf } from '../../../core/send/link/link.ts'
import { defaultSettings, sourceSchema } from '../../../core/settings/schema.ts'
import { message } from '../../../core/words/message.ts'
import { createWords } from '../../../core/words/words.ts'

const NOW = Date.UTC(2026, 10, 20, 12)
const words = createWords('en')

const running = { condition: 'running' as const, restarts: 0, since: 0, pid: 1 }
const well: SourceState = {
  settings: sourceSchema.parse({ id: 'a', path: '/data', name: 'data' }),
  checked: {
    id: 'a',
    path: '/data',
    at: NOW,
    overall: {
      kind: 'ok',
      step: null,
      code: null,
      elapsedMs: 1,
      sentence: message('problem.other', { reason: '' }),
    },
    probes: {},
    delayMs: 1,
    mount: null,
    readOnlyByIntent: false,
    soundErrorsCount: null,
  },
  delays: [],
  scanned: { id: 'a', phase: 'watching', compared: true, unwatchedDirectories: 0, problems: [], batches: [] },
  destinations: ['embedded', 'there'].map((id) => ({ id, totals: noTotals, rate: 0, left: null })),
  totals: noTotals,
  lastFile: null,
  rate: 0,
  left: null,
}

function status(changes: Partial<AppState>) {
  const initial = initialState('desktop', '1', defaultSettings, '/store')
  const state: AppState = {
    ...initial,
    destinations: initial.destinations.map((one) => ({ ...one, reported: true })),
    sources: [well],
    workers: { checker: running, scanner: running, sender: running, receiver: running },
    ...changes,
  }
  const { level, sentence, detail } = overallStatus(state, NOW)
  return { level, sentence: words(sentence), detail: detail === null ? null : words(detail) }
}

const incident = {
  id: 'i',
  kind: 'read-only' as const,
  paths: ['/data'],
  sentence: message('problem.other', { reason: '' }),
  startedAt: NOW,
  endedAt: null,
}
const connected = { state: 'connected' as const, since: 0, problem: null }
const receiver = {
  id: 'there',
  reported: true,
  totals: noTotals,
  rate: 0,
  left: null,
  worker: running,
  kind: 'receiver' as const,
  name: 'nas-2',
  elsewhere: true,
  address: 'nas-2:7766',
  connection: connected,
}
const there = { id: 'there', name: 'nas-2', host: 'nas-2', port: 7766 }
const waiting = { ...noTotals, waitingFiles: 128, waitingBytes: 2 * 1024 ** 3 }
const sending: SourceState = {
  ...well,
  destinations: well.destinations.map((one) => ({ ...one, totals: waiting })),
  totals: waiting,
}
const sent = { ...noTotals, sentFiles: 12_402 }

describe('the one status', () => {
  it('is ok and safe only with a receiver on another computer', () => {
    const lastFile = { path: 'x', at: NOW - 3000 }
    expect(status({ totals: sent, destinations: [receiver], sources: [{ ...well, lastFile }] })).toEqual({
      level: 'ok',
      sentence: 'All 12,402 files are safe.',
      detail: 'Last file 3 sec ago.',
    })
    const here = status({ totals: sent })
    expect(here.sentence).toBe('All 12,402 files are copied, on this computer only.')
    expect(here.detail).toContain('Connect a receiver')
  })

  it('is starting until every source was compared and its sender has told what the ledger has', () => {
    const scanned = { id: 'a', phase: 'listing' as const, unwatchedDirectories: 0, problems: [], batches: [] }
    const unknown: SourceState = { ...well, scanned }
    const starting = { level: 'starting', sentence: 'Looking at your directories…', detail: null }
    const safe = { totals: sent, destinations: [receiver] }
    expect(status({ ...safe, sources: [unknown] })).toEqual(starting)
    expect(status({ ...safe, sources: [unknown, sending] }).level).toBe('working')
    const again: SourceState = { ...unknown, scanned: { ...scanned, compared: true } }
    expect(status({ ...safe, sources: [again] }).level).toBe('ok')
    const { reported: _, ...unheard } = receiver
    expect(status({ ...safe, destinations: [unheard] })).toEqual(starting)
    // Nothing goes there.
    expect(status({ ...safe, destinations: [receiver, { ...unheard, id: 'other' }] }).level).toBe('ok')
    const paused = { ...unknown, settings: { ...unknown.settings, paused: true } }
    expect(status({ ...safe, sources: [well, paused] }).level).toBe('paused')
    const path = '/data'
    const gone = { ...scanned, phase: 'missing' as const, problems: [message('scan.rootMissing', { path })] }
    expect(status({ ...safe, sources: [{ ...well, scanned: gone }] }).level).toBe('attention')
  })

  it('says what is being sent and how long it takes', () => {
    expect(status({ sources: [sending], left: 180_000 })).toMatchObject({
      level: 'working',
      sentence: 'Sending 128 files, 2 GiB to go, about 3 min.',
    })
  })

  it('does not say that it sends what waits in a source that is paused', () => {
    const paused = (name: string, waitingFiles: number): SourceState => ({
      ...well,
      settings: { ...well.settings, name, paused: true },
      totals: { ...noTotals, waitingFiles },
    })
    const sources = [paused('few', 2), paused('many', 340)]
    expect(status({ sources, totals: { ...noTotals, waitingFiles: 342 } })).toEqual({
      level: 'paused',
      sentence: 'many is paused. 340 files wait there.',
      detail: null,
    })
    expect(status({ sources: [...sources, sending], left: 180_000 })).toMatchObject({
      level: 'working',
      sentence: 'Sending 128 files, 2 GiB to go.',
    })
    const going = { sources: [paused('none', 0), { ...well, totals: waiting }], left: 180_000 }
    expect(status(going).sentence).toContain('about 3 min')
    expect(status({ sources: [{ ...well, totals: sent }, paused('none', 0)], totals: sent })).toEqual({
      level: 'paused',
      sentence: 'none is paused. New files there are not looked for.',
      detail: null,
    })
  })

  it('says that the schedule pauses, and until when; a pause by hand is said before', () => {
    const allowance = { now: { kind: 'pause' as const }, until: new Date(2026, 10, 20, 18).getTime() }
    expect(status({ allowance, totals: waiting })).toMatchObject({
      level: 'paused',
      sentence: expect.stringMatching(/^Paused by the schedule until .*18:00. 128 files wait.$/),
    })
    expect(status({ allowance: { ...allowance, until: null }, totals: waiting }).sentence).toBe(
      'Paused by the schedule. 128 files wait.',
    )
    const paused = { ...defaultSettings, pause: { since: NOW, until: null } }
    expect(status({ allowance, settings: paused, totals: waiting }).sentence).toBe('Paused. 128 files wait.')
  })

  it('puts a failing path before everything else', () => {
    const paused = { ...defaultSettings, pause: { since: NOW, until: null } }
    const failing = status({ incidents: [incident], settings: paused, totals: waiting })
    expect(failing.level).toBe('failing')
    expect(failing.sentence).toMatch(/^data is read-only since/)
    expect(status({ totals: { ...sent, parkedFiles: 1 } })).toMatchObject({
      level: 'failing',
      sentence: '1 file could not be sent and is parked.',
    })
    expect(status({ incidents: [{ ...incident, endedAt: NOW }] }).level).toBe('ok')
  })

  it('asks for attention when the promise is weaker than it looks', () => {
    const away = {
      ...receiver,
      connection: { state: 'unreachable' as const, since: NOW - 720_000, problem: null },
    }
    expect(status({ destinations: [away], totals: { ...waiting, waitingFiles: 340 } })).toMatchObject({
      level: 'attention',
      sentence: 'nas-2 has been unreachable for 12 min. 340 files wait safely here.',
    })
    const justAway = { ...away, connection: { ...away.connection, since: NOW - 1000 } }
    expect(status({ destinations: [justAway] }).level).toBe('ok')
    // The clock was set back while the receiver was away.
    const before = { ...away, connection: { ...away.connection, since: NOW + 3_600_000 } }
    expect(status({ destinations: [before] })).toMatchObject({
      level: 'attention',
      sentence: expect.stringContaining('nas-2 has been unreachable for 10 sec.'),
    })
    const unwatched = {
      ...well,
      scanned: { ...well.scanned, unwatchedDirectories: 3 } as SourceState['scanned'],
    }
    expect(status({ sources: [unwatched] }).level).toBe('attention')
    const longPause = { ...defaultSettings, pause: { since: NOW - 25 * 3_600_000, until: null } }
    expect(status({ settings: longPause }).level).toBe('attention')
  })

  it('counts whole minutes from the first one on, so that no second ticks in a sentence', () => {
    const away = (ms: number) => ({
      ...receiver,
      connection: { state: 'unreachable' as const, since: NOW - ms, problem: null },
    })
    const sentence = (ms: number) => status({ destinations: [away(ms)] }).sentence
    expect(sentence(59_900)).toContain('for 59 sec.')
    expect(sentence(12 * 60_000 + 5_400)).toContain('for 12 min.')
    const sending = { ...well, totals: { ...noTotals, waitingFiles: 1 } }
    expect(status({ sources: [sending], left: 119_000 }).sentence).toContain('about 2 min.')
  })

  it('tells of several destinations which one is in trouble, and that the others go on', () => {
    const unreachable = { state: 'unreachable' as const, since: NOW - 720_000, problem: null }
    const away = {
      ...receiver,
      id: 'away',
      name: 'cellar',
      connection: unreachable,
      totals: { ...noTotals, waitingFiles: 340 },
    }
    const behind = { ...noTotals, waitingFiles: 340, sentFiles: 12_062 }
    const said = {
      level: 'attention',
      sentence: 'cellar has been unreachable for 12 min. 340 files wait for it here.',
    }
    const both = { destinations: [receiver, away], totals: behind }
    expect(status(both)).toEqual({ ...said, detail: 'Everything goes to the other destinations as usual.' })
    const paused = { ...defaultSettings, pause: { since: NOW, until: null } }
    expect(status({ ...both, settings: paused })).toEqual({ ...said, detail: null })
    const none = [{ ...receiver, connection: { ...unreachable, since: NOW - 60_000 } }, away]
    expect(status({ destinations: none, totals: behind })).toEqual({ ...said, detail: null })
    const refused = { ...receiver, connection: { ...unreachable, state: 'refused' as const } }
    expect(status({ destinations: [away, refused] }).sentence).toContain('nas-2 refuses this computer')
    const thrown = new Refused({ code: 'protocol', reason: '' })
    const old = troubleOf(thrown, { ...there, fingerprint: '' }, false)
    expect(
      status({ destinations: [{ ...receiver, connection: { ...old, since: NOW } }] }).sentence,
    ).toContain('Install the same version of Holdfast at both ends.')
    // One that no source goes to has no connection, and is no trouble.
    const idle = { ...away, connection: { ...unreachable, state: 'idle' as const } }
    expect(status({ destinations: [receiver, idle], totals: sent }).level).toBe('ok')
  })

  it('calls files safe only where every source has a destination on another computer', () => {
    const local = { ...receiver, id: 'local', elsewhere: false }
    const at = (...ids: string[]) => ({
      ...well,
      destinations: ids.map((id) => ({ id, totals: noTotals, rate: 0, left: null })),
    })
    const sentenceOf = (sources: SourceState[]) =>
      status({ totals: sent, destinations: [receiver, local], sources }).sentence
    expect(sentenceOf([at('there', 'local')])).toContain('are safe')
    expect(sentenceOf([at('there'), at('local')])).toContain('on this computer only')
  })

  it('is never ok on stale knowledge', () => {
    for (const condition of ['late', 'failed'] as const) {
      const workers = {
        checker: { ...running, condition },
        scanner: running,
        sender: running,
        receiver: running,
      }
      expect(status({ workers })).toMatchObject({
        level: 'attention',
        sentence: expect.stringContaining('checker'),
      })
    }
    const lately = (age: number): SourceState => ({
      ...well,
      checked: well.checked && { ...well.checked, at: NOW - age },
    })
    // Three intervals of ten seconds, and ten more.
    expect(status({ sources: [lately(40_000)] }).level).toBe('ok')
    expect(status({ sources: [lately(41_000), lately(720_000)] })).toMatchObject({
      level: 'attention',
      sentence: 'data has not been checked for 12 min; what is shown may be old.',
    })
    const checkedPath = { id: 'p', path: '/mnt/p', checked: lately(720_000).checked, delays: [] }
    expect(status({ checkedPaths: [checkedPath] }).sentence).toContain('/mnt/p has not been checked')
    expect(status({ sources: [{ ...well, checked: null }] }).level).toBe('starting')
    expect(status({ sources: [{ ...well, scanned: null }] }).level).toBe('starting')
  })

  it('is never ok while files are not looked for, cannot be sent, or cannot be stored', () => {
    const scanned = (changes: object) =>
      status({
        totals: sent,
        sources: [{ ...well, scanned: { ...well.scanned, ...changes } as SourceState['scanned'] }],
      })
    const unreadable = message('scan.fileUnreadable', { path: '/data/x', code: 'EACCES' })
    expect(scanned({ problems: [unreadable] })).toMatchObject({
      level: 'attention',
      sentence: expect.stringContaining('/data/x is not sent'),
    })
    for (const phase of ['missing', 'failed']) {
      expect(scanned({ phase })).toMatchObject({
        level: 'attention',
        sentence: expect.stringContaining('data'),
      })
    }
    const full = { ...connected, problem: message('problem.other', { reason: 'The store is full.' }) }
    expect(status({ totals: waiting, destinations: [{ ...receiver, connection: full }] })).toMatchObject({
      level: 'attention',
      sentence: 'The store is full.',
    })
    const idle = {
      ...connected,
      state: 'idle' as const,
      problem: message('problem.other', { reason: 'No key.' }),
    }
    expect(status({ totals: sent, destinations: [{ ...receiver, connection: idle }] })).toMatchObject({
      level: 'attention',
      sentence: 'No key.',
    })
    // A notice may be an old one: it does not hide what is wrong now.
    const notices = [{ id: 'n', sentence: message('problem.other', { reason: 'Once upon a time.' }) }]
    const unwatched = {
      ...well,
      scanned: { ...well.scanned, unwatchedDirectories: 3 } as SourceState['scanned'],
    }
    expect(status({ notices, sources: [unwatched] }).sentence).toContain('3 directories are not watched')
    expect(status({ notices })).toMatchObject({ level: 'attention', sentence: 'Once upon a time.' })
    const notClosed = message('scan.notClosed', { count: 1, names: 'DC1', sentMark: 'w', closedMark: 'p' })
    expect(scanned({ problems: [notClosed] }).level).toBe('ok')
  })

  it('never calls copies on this computer safe, whoever keeps them', () => {
    const here = { ...receiver, elsewhere: false }
    expect(status({ totals: sent, destinations: [here] }).sentence).toContain('on this computer only')
  })

  it('says until when it is paused', () => {
    const settings = { ...defaultSettings, pause: { since: NOW, until: NOW + 3_600_000 } }
    expect(status({ settings, totals: { ...waiting, waitingFiles: 12 } })).toMatchObject({ level: 'paused' })
  })

  it('teaches when there is nothing yet', () => {
    expect(status({ sources: [] })).toMatchObject({ level: 'starting', detail: 'Add a directory to begin.' })
  })
})
