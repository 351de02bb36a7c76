import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { isSilent } from '../../../core/receive/senders/fleet.ts'
import { nextTold, openSeenLog, readSeen, senderStates } from '../../../core/receive/senders/last-seen.ts'
import type { Sender } from '../../../core/store/senders/senders.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { statusHeader } from '../../support/transfer/wire-client.ts'

function fileWith(content: unknown): string {
  const file = path.join(temporaryDirectory('seen'), 'seen.json')
  fs.writeFileSync(file, JSON.stringify(content))
  return file
}

const open = (file: string) =>
  openSeenLog(file, (reason) => {
    throw new Error(reason)
  })

const before = { version: 1, seenAt: { station: 5_000 }, connected: ['station'] }

describe('start of a sender’s failure', () => {
  test('stays the same while the failure lasts, whatever the sentence, and is later after a recovery', () => {
    const first = nextTold(null, statusHeader(), 1_000)
    expect(first).toEqual({ status: statusHeader(), statusAt: 1_000, failingSince: 1_000 })
    const status = statusHeader({ sentence: 'Two directories are not there.', kind: 'hung' })
    const second = nextTold(first, status, 6_000)
    expect(second).toEqual({ status, statusAt: 6_000, failingSince: 1_000 })
    const well = nextTold(second, statusHeader({ level: 'ok' }), 9_000)
    expect(well).toMatchObject({ statusAt: 9_000, failingSince: null })
    expect(nextTold(well, statusHeader(), 12_000).failingSince).toBe(12_000)
  })

  test('is never in the future, even after the clock was set back', () => {
    const first = nextTold(null, statusHeader(), 9_000)
    expect(nextTold(first, statusHeader(), 4_000).failingSince).toBe(4_000)
  })

  test('survives a restart of the receiver', async () => {
    const file = fileWith(before)
    const one = await open(file)
    one.noteStatus('station', statusHeader(), 1_000)
    const usage = { files: 2, bytes: 30, spaceBytes: 400 }
    one.noteUsage(new Map([['station', usage]]))
    await one.write()
    expect((await readSeen(file)).usage).toEqual(new Map([['station', usage]]))
    const other = await open(file)
    expect(other.told('station')).toMatchObject({ statusAt: 1_000, failingSince: 1_000 })
    other.noteStatus('station', statusHeader({ sentence: 'Still not there.' }), 90_000)
    await other.write()
    const { told, seenAt } = await readSeen(file)
    const status = statusHeader({ sentence: 'Still not there.' })
    expect(told.get('station')).toEqual({ status, statusAt: 90_000, failingSince: 1_000 })
    expect(seenAt.get('station')).toBe(5_000)
  })
})

test('last-seen file: a file without statuses is read, and broken statuses do not discard the other fields', async () => {
  const broken = { station: { status: statusHeader({ sentence: 'a\nb' }), statusAt: 1, failingSince: null } }
  for (const content of [before, { ...before, told: broken }, { ...before, told: 7 }]) {
    const { seenAt, connected, told } = await readSeen(fileWith(content))
    expect([[...seenAt], connected, [...told]]).toEqual([[['station', 5_000]], ['station'], []])
  }
  expect((await readSeen(fileWith('?'))).seenAt.size).toBe(0)
})

test('last-seen log: a sender named like an object property (`constructor`) does not count as seen', async () => {
  const log = await open(fileWith(before))
  for (const folder of ['constructor', '__proto__', 'toString'])
    expect([log.seenAt(folder), log.told(folder)]).toEqual([null, null])
  log.note(new Set(['constructor']), 7_000)
  log.noteStatus('__proto__', statusHeader(), 8_000)
  expect([log.seenAt('constructor'), log.told('__proto__')?.statusAt]).toEqual([7_000, 8_000])
})

test('sender states: each accepted sender is listed with its last status, a revoked one is left out', async () => {
  const log = await open(fileWith(before))
  log.noteStatus('station', statusHeader(), 6_000)
  log.noteStatus('gone', statusHeader(), 6_000)
  log.noteTakesProposals('station', true)
  const sender = (folder: string, revokedAt: number | null): Sender => ({
    ...{ fingerprint: `${folder}-print`, name: `${folder}’s name`, folder, pairedAt: 4_000, revokedAt },
    label: '',
    sources: {},
    proposal: null,
  })
  const all = [sender('station', null), sender('new', null), sender('gone', 6_000)]
  const senders = {
    list: () => all,
    accepted: (fingerprint: string) =>
      all.find((one) => one.fingerprint === fingerprint && one.revokedAt === null) ?? null,
  }
  const nothing = { status: null, statusAt: null, failingSince: null }
  expect(senderStates(senders, log, new Set(['new']))).toEqual([
    {
      ...{ fingerprint: 'station-print', name: 'station’s name', folder: 'station', pairedAt: 4_000 },
      ...{ label: '', proposal: null, takesProposals: true, absences: [] },
      ...{ seenAt: 5_000, connected: false, status: statusHeader(), statusAt: 6_000, failingSince: 6_000 },
    },
    {
      ...{ fingerprint: 'new-print', name: 'new’s name', folder: 'new', pairedAt: 4_000 },
      ...{ label: '', proposal: null, takesProposals: null, absences: [] },
      ...{ seenAt: null, connected: true, ...nothing },
    },
  ])
})

/** Returns when a computer gets silent, from Monday, 2026-06-01, with a value for each five minutes. */
async function getSilences(
  isOn: (hour: number, day: number) => boolean,
  { days = 21, silentHours = 24, restarts = false, pairedAtHour = 0 } = {},
): Promise<string[]> {
  const [start, step, hourMs] = [Date.UTC(2026, 5, 1), 300_000, 3_600_000]
  const file = fileWith({ version: 1, seenAt: {}, connected: [] })
  let [log, startedAt, pairedAt] = [await open(file), start, start]
  const silences: string[] = []
  let wasSilent = false
  for (let now = start; now < start + days * 24 * hourMs; now += step) {
    const hours = (now - start) / hourMs
    if (restarts && hours % 24 === 3) {
      await log.write()
      log = await open(file)
      startedAt = now
    }
    if (hours === pairedAtHour) {
      log.forget('pc')
      pairedAt = now
    }
    const connected = isOn(hours % 24, Math.floor(hours / 24))
    log.note(new Set(connected ? ['pc'] : []), now)
    const seen = { seenAt: log.seenAt('pc'), absences: log.absences('pc'), level: 'ok', statusAt: now }
    const judging = { alerts: { silentHours, silentHoursOf: {} }, startedAt, now }
    const sender = { name: 'pc', folder: 'pc', pairedAt, connected, ...seen }
    // After a restart of the receiver it is too early to decide.
    const silent: boolean = isSilent(sender, judging) ?? wasSilent
    if (silent && !wasSilent) silences.push(new Date(now).toISOString().slice(5, 16))
    wasSilent = silent
  }
  return silences
}

const isOfficeHour = (hour: number, day: number) => hour >= 8 && hour < 18 && day % 7 < 5
const until = (day: number) => (hour: number, today: number) => today < day || (today === day && hour < 12)

describe('silence', () => {
  test.each<[string, string[], ...Parameters<typeof getSilences>]>([
    ['of an office computer begins as set', ['06-06T17:55', '06-13T17:55', '06-20T17:55'], isOfficeHour],
    ['of an office computer is none with 72 hours', [], isOfficeHour, { silentHours: 72 }],
    [
      'of an office computer is none where the receiver is restarted each night',
      [],
      isOfficeHour,
      { silentHours: 72, restarts: true },
    ],
    ['of a nightly run is none', [], (hour) => hour === 2],
    ['of a nightly run begins when one is missing', ['06-16T02:00'], (hour, day) => hour === 2 && day < 15],
    [
      'of a laptop that sleeps twenty times a day is none at night',
      [],
      (hour) => hour >= 8 && hour < 18 && hour % 0.5 !== 0,
    ],
    ['of a new computer begins as set', ['06-04T11:55'], until(2), { days: 6 }],
    ['of an always connected one begins within minutes', ['06-10T12:10'], until(9), { days: 12 }],
    [
      'of an always connected one begins within minutes although the receiver is restarted each night',
      ['06-10T12:10'],
      until(9),
      { days: 12, restarts: true },
    ],
    [
      'of one that is paired anew begins as set',
      ['06-11T11:55'],
      until(9),
      { days: 12, pairedAtHour: 9 * 24 + 11 },
    ],
  ])('%s', async (_, silences, isOn, options) => {
    expect(await getSilences(isOn, options)).toEqual(silences)
  })
})

test('absences: the longest one of each of 14 days is kept, over restarts; those of an unknown form are ignored', async () => {
  const [minute, day] = [60_000, 86_400_000]
  const start = 1_000 * day
  const file = fileWith({
    ...{ version: 1, seenAt: { station: start - 600 * minute }, connected: ['station'] },
    ...{ gaps: { station: [1] }, absences: { station: { 7: 1 } } },
  })
  const one = await open(file)
  const note = (minutes: number, ...folders: string[]) => one.note(new Set(folders), start + minutes * minute)
  note(1, 'station')
  note(2)
  note(1.5, 'station')
  note(62, 'station')
  note(63, 'station')
  expect(one.absences('station')).toEqual([601 * minute])
  one.note(new Set(['station']), start + day)
  await one.write()
  const absences = [601 * minute, (24 * 60 - 63) * minute]
  expect((await readSeen(file)).absences).toEqual(new Map([['station', absences]]))
  const other = await open(file)
  for (let days = 2; days < 20; days++) other.note(new Set(['station']), start + days * day)
  expect(other.absences('station')).toEqual(Array(14).fill(day))
})
