import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
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
      ...{ label: '', proposal: null, takesProposals: true, gaps: [] },
      ...{ seenAt: 5_000, connected: false, status: statusHeader(), statusAt: 6_000, failingSince: 6_000 },
    },
    {
      ...{ fingerprint: 'new-print', name: 'new’s name', folder: 'new', pairedAt: 4_000 },
      ...{ label: '', proposal: null, takesProposals: null, gaps: [] },
      ...{ seenAt: null, connected: true, ...nothing },
    },
  ])
})

test('absences: each time that a sender comes back is recorded, but no reconnect and no stop of the receiver', async () => {
  const start = Date.now()
  const minute = 60_000
  const file = fileWith({ version: 1, seenAt: { station: start - 600 * minute }, connected: ['station'] })
  const one = await open(file)
  const note = (minutes: number, ...folders: string[]) => one.note(new Set(folders), start + minutes * minute)
  note(1, 'station')
  note(2)
  note(1.5, 'station')
  expect(one.gaps('station')).toEqual([])
  note(2)
  note(62, 'station')
  // This computer slept, and the connection has survived.
  note(600, 'station')
  await one.write()
  expect((await readSeen(file)).gaps).toEqual(new Map([['station', [60.5 * minute]]]))
})
