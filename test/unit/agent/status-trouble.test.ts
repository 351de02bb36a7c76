import { describe, expect, it } from 'vitest'
import type { SourceState } from '../../../core/agent/state/schema.ts'
import { buildOwnStatus } from '../../../core/agent/state/status.ts'
import { Refused, toConnectionTrouble } from '../../../core/backends/receiver/dial.ts'
import { noTotals } from '../../../core/ledger/ledger-messages.ts'
import { formatTime } from '../../../core/lib/i18n/formats.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { defaultSettings } from '../../../core/settings/schema.ts'
import {
  connected,
  incident,
  NOW,
  receiver,
  running,
  sent,
  stateWith,
  status,
  waiting,
  well,
  workers,
} from '../../support/agent/status.ts'

const there = {
  id: 'there',
  kind: 'receiver' as const,
  name: 'nas-2',
  host: 'nas-2',
  port: 7766,
  fingerprint: '',
}

describe('overall status with problems', () => {
  it('the level is failing with an active incident, even during a pause, or with a parked file', () => {
    const paused = { ...defaultSettings, pause: { since: NOW, until: null } }
    const failing = status({ incidents: [incident], settings: paused, totals: waiting })
    expect(failing.level).toBe('failing')
    expect(failing.sentence).toBe('data is read-only.')
    expect(failing.detail).toMatch(/^Since .*\. New files cannot be written\./)
    const parked = { ...sent, parkedFiles: 1 }
    expect(status({ sources: [{ ...well, totals: parked }], totals: parked })).toMatchObject({
      level: 'failing',
      sentence: '1 file of data could not be sent.',
      detail: 'Parked until it is retried: …',
    })
    expect(status({ incidents: [{ ...incident, endedAt: NOW }] }).level).toBe('ok')
  })

  it('the gravest failure is named with its level; of one severity, an unacknowledged one first', () => {
    const acknowledged = { at: NOW, by: 'ada' }
    const held = { since: NOW, lost: 40, changed: 0, known: 60 }
    const emptied = { ...well, scanned: { ...well.scanned, held } as SourceState['scanned'] }
    const seen = { ...incident, acknowledged }
    expect(status({ incidents: [incident], sources: [emptied] }).sentence).toBe('data is read-only.')
    expect(status({ incidents: [seen], sources: [emptied] })).toEqual({
      level: 'failing',
      sentence: '40 of 60 files in data were emptied.',
      detail: 'On hold until you decide. New files are sent. 1 more problem.',
    })
    const known = {
      ...incident,
      id: 'e',
      kind: 'emptied' as const,
      failing: { 'emptied:a': incident.sentence },
    }
    const both = { incidents: [seen, { ...known, acknowledged }], sources: [emptied] }
    expect(status(both).sentence).toBe('data is read-only.')
    const refused = { ...receiver, connection: { ...connected, state: 'refused' as const } }
    expect(status({ incidents: [seen], destinations: [refused] })).toMatchObject({
      level: 'failing',
      sentence: 'data is read-only.',
    })
    const own = buildOwnStatus(stateWith({ incidents: [seen], destinations: [refused] }), NOW)
    expect(own).toMatchObject({ level: 'failing', kind: 'read-only', sentence: 'data is read-only.' })
    expect(own).not.toHaveProperty('causes')
    const cause = [{ key: 'cause.stoppedWriting' as const, params: { type: 'ext4' } }]
    expect(buildOwnStatus(stateWith({ incidents: [{ ...seen, cause }] }), NOW)).toMatchObject({
      sentence: 'data is read-only. Then ext4 stopped writing to protect the data.',
      words: own.words,
      causes: cause,
    })
    expect(buildOwnStatus(stateWith(), NOW)).toMatchObject({ level: 'ok', kind: null })
  })

  it('a failing disk is shown with the files that wait for it or on it, not with others', () => {
    const other = { ...well, settings: { ...well.settings, id: 'b', name: 'other' }, totals: waiting }
    const some = { ...noTotals, waitingFiles: 5 }
    const mine = {
      ...well,
      totals: some,
      destinations: well.destinations.map((one) => ({ ...one, totals: some })),
    }
    const detail = (sources: SourceState[], ...subjects: string[]) =>
      status({
        incidents: [
          { ...incident, sources: subjects, paths: Object.fromEntries(subjects.map((id) => [id, '/x'])) },
        ],
        destinations: [{ ...receiver, totals: some }],
        totals: { ...noTotals, waitingFiles: 133 },
        sources,
      }).detail
    expect(detail([well, other], 'a')).not.toContain('wait')
    expect(detail([mine, other], 'a')).toContain('5 files wait here.')
    expect(detail([mine, other], 'there')).toContain('5 files wait here.')
    expect(detail([mine, other], 'a', 'embedded', 'there')).toContain('5 files wait here.')
  })

  it('an unreachable destination, a polled source or a pause of a day needs attention', () => {
    const since = `Since ${formatTime(NOW - 720_000, 'en')}.`
    const away = {
      ...receiver,
      totals: { ...waiting, waitingFiles: 340 },
      connection: { state: 'unreachable' as const, since: NOW - 720_000, problem: null },
    }
    // More wait for other destinations.
    expect(status({ destinations: [away], totals: { ...waiting, waitingFiles: 400 } })).toMatchObject({
      level: 'attention',
      sentence: 'nas-2 is unreachable.',
      detail: `${since} 340 files wait here.`,
    })
    const justAway = { ...away, connection: { ...away.connection, since: NOW - 1000 } }
    expect(status({ destinations: [justAway] }).level).toBe('ok')
    // The clock was set back while the receiver was away.
    const before = { ...away, totals: noTotals, connection: { ...away.connection, since: NOW + 3_600_000 } }
    expect(status({ destinations: [before] })).toMatchObject({
      level: 'attention',
      detail: `Since ${formatTime(NOW, 'en')}.`,
    })
    const problems = [message('scan.watchLimitPolled', { path: '/data', code: 'ENOSPC' })]
    const unwatched = { ...well, scanned: { ...well.scanned, problems } as SourceState['scanned'] }
    expect(status({ sources: [unwatched] }).level).toBe('attention')
    const longPause = { ...defaultSettings, pause: { since: NOW - 25 * 3_600_000, until: null } }
    expect(status({ settings: longPause }).level).toBe('attention')
  })

  it('a problem of one of several destinations is named, and the others are shown as working', () => {
    const unreachable = { state: 'unreachable' as const, since: NOW - 720_000, problem: null }
    const away = {
      ...receiver,
      id: 'away',
      name: 'cellar',
      connection: unreachable,
      totals: { ...noTotals, waitingFiles: 340 },
    }
    const behind = { ...noTotals, waitingFiles: 340, sentFiles: 12_062 }
    const said = { level: 'attention', sentence: 'cellar is unreachable.' }
    const since = `Since ${formatTime(NOW - 720_000, 'en')}.`
    const both = { destinations: [receiver, away], totals: behind }
    expect(status(both)).toEqual({
      ...said,
      detail: `${since} Other destinations work.`,
    })
    const connecting = { ...receiver, connection: { ...connected, state: 'connecting' as const } }
    expect(status({ ...both, destinations: [connecting, away] }).detail).toBe(`${since} 340 files wait here.`)
    const paused = (until: number | null) => ({ ...defaultSettings, pause: { since: NOW, until } })
    expect(status({ ...both, settings: paused(null) }).detail).toBe(`${since} Sending is paused.`)
    const until = NOW + 3_600_000
    const pauseEnd = `Paused until ${formatTime(until, 'en')}.`
    expect(status({ ...both, settings: paused(until) }).detail).toBe(`${since} ${pauseEnd}`)
    const none = [{ ...receiver, connection: { ...unreachable, since: NOW - 60_000 } }, away]
    expect(status({ destinations: none, totals: behind })).toEqual({
      ...said,
      detail: `${since} 1 more problem.`,
    })
    expect(status({ destinations: none, settings: paused(until) }).detail).toBe(`${since} ${pauseEnd}`)
    const refused = { ...receiver, connection: { ...unreachable, state: 'refused' as const } }
    expect(status({ destinations: [away, refused] }).sentence).toContain('nas-2 refuses this computer')
    const error = new Refused({ code: 'protocol', reason: '' })
    const old = toConnectionTrouble(error, there, false)
    expect(status({ destinations: [{ ...receiver, connection: { ...old, since: NOW } }] }).detail).toContain(
      'Install the same version of Holdfast at both ends.',
    )
    // One that no source goes to has no connection, and is no trouble.
    const idle = { ...away, connection: { ...unreachable, state: 'idle' as const } }
    expect(status({ destinations: [receiver, idle], totals: sent }).level).toBe('ok')
  })

  it('a checker that is not running or an outdated check result prevents the level ok', () => {
    for (const condition of ['restarting', 'failed'] as const) {
      const checker = { ...running, condition }
      expect(status({ workers: { ...workers, checker } })).toMatchObject({
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
      sentence: expect.stringMatching(/^data: no check since .*\d\.$/),
      detail: 'What is shown may be out of date.',
    })
    const checkedPath = { id: 'p', path: '/mnt/p', checked: lately(720_000).checked, delays: [] }
    expect(status({ checkedPaths: [checkedPath] }).sentence).toContain('/mnt/p: no check')
    expect(status({ sources: [{ ...well, checked: null }] }).level).toBe('starting')
    expect(status({ sources: [{ ...well, scanned: null }] }).level).toBe('starting')
  })

  it('a problem of the scan, the connection or the store prevents the level ok', () => {
    const scanned = (changes: object) =>
      status({
        totals: sent,
        sources: [{ ...well, scanned: { ...well.scanned, ...changes } as SourceState['scanned'] }],
      })
    const unreadable = message('scan.fileUnreadable', { path: '/data/x', reason: 'EACCES' })
    expect(scanned({ problems: [unreadable] })).toMatchObject({
      level: 'attention',
      sentence: 'Not all of data can be sent.',
      detail: expect.stringContaining('/data/x is not sent'),
    })
    for (const phase of ['missing', 'failed']) {
      expect(scanned({ phase })).toMatchObject({
        level: 'attention',
        sentence: expect.stringContaining('data'),
      })
    }
    const full = { ...connected, problem: message('problem.other', { reason: 'The store is full.' }) }
    expect(
      status({ totals: waiting, destinations: [{ ...receiver, totals: waiting, connection: full }] }),
    ).toMatchObject({
      level: 'attention',
      sentence: 'nas-2 cannot be used.',
      detail: 'The store is full. 128 files wait here.',
    })
    const idle = {
      ...connected,
      state: 'idle' as const,
      problem: message('problem.other', { reason: 'No key.' }),
    }
    expect(status({ totals: sent, destinations: [{ ...receiver, connection: idle }] })).toMatchObject({
      level: 'attention',
      detail: 'No key.',
    })
    // A notice may be an old one: it does not hide what is wrong now.
    const notices = [{ id: 'n', sentence: message('problem.other', { reason: 'Once upon a time.' }) }]
    const problems = [message('scan.watchLimitPolled', { path: '/data', code: 'ENOSPC' })]
    const unwatched = { ...well, scanned: { ...well.scanned, problems } as SourceState['scanned'] }
    expect(status({ notices, sources: [unwatched] }).detail).toContain('/data is polled instead of watched')
    expect(status({ notices })).toMatchObject({ level: 'attention', detail: 'Once upon a time.' })
    const notClosed = message('scan.notClosed', { count: 1, names: 'DC1', sentMark: 'w', closedMark: 'p' })
    expect(scanned({ problems: [notClosed] }).level).toBe('ok')
  })
})
