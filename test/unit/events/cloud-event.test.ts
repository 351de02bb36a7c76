import { expect, test } from 'vitest'
import {
  BEGINNING,
  cloudEventSchema,
  type EventFilter,
  getEventNames,
  isWanted,
  type ReadEvent,
  readCursor,
  toCloudEvent,
} from '../../../core/events/cloud-event.ts'
import { EVENT, type EventRow } from '../../../core/ledger/ledger-messages.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { settingsSchema } from '../../../core/settings/schema.ts'

const settings = settingsSchema.parse({ sources: [{ id: 's', path: '/data', name: 'Scans' }] })
const names = getEventNames(settings, 'station', '/data')

function read(type: number, changes: Partial<EventRow> = {}): ReadEvent {
  const row: EventRow = {
    ...{ seq: 7, at: 1_700_000_000_000, type, source: 's', destination: 'd', path: 'a/b' },
    ...{ size: null, digest: null, detail: null, ...changes },
  }
  return { log: 'ledger', row, cursor: { ledger: 7, incidents: 2 } }
}

const describeEvent = (type: number, changes: Partial<EventRow> = {}) =>
  cloudEventSchema.parse(toCloudEvent(read(type, changes), names))

const source = { id: 's', name: 'Scans' }
const destination = { id: 'd', name: 'd' }
const where = { source, destination, path: 'a/b' }

test('cloud event: a durable file has its size and digest, and whether newer content waits or it was healed', () => {
  const digest = Buffer.alloc(32, 0xab)
  const event = describeEvent(EVENT.durable, { size: 5, digest })
  expect(event).toMatchObject({ id: 'f7', subject: 'Scans/a/b', cursor: '7-2' })
  expect(event.data).toEqual({ ...where, size: 5, digest: `blake3:${'ab'.repeat(32)}` })
  expect(describeEvent(EVENT.durable, { detail: 'older' }).data).toEqual({ ...where, newerWaits: true })
  expect(describeEvent(EVENT.durable, { detail: 'healed' }).data).toEqual({ ...where, healed: true })
  // The details of other kinds of events mean something else.
  for (const detail of ['older', 'healed'])
    expect(describeEvent(EVENT.restored, { detail, digest }).data).toEqual(where)
})

test('cloud event: a deleted file has who deleted it, a damaged one what was found, a parked one the reason', () => {
  expect(describeEvent(EVENT.deleted, { detail: 'holdfast' }).data).toEqual({ ...where, by: 'holdfast' })
  expect(describeEvent(EVENT.deleted).data).toEqual({ ...where, by: 'others' })
  expect(describeEvent(EVENT.damaged, { detail: 'missing' }).data).toEqual({ ...where, finding: 'missing' })
  expect(describeEvent(EVENT.parked).data).toEqual(where)
  const detail = JSON.stringify(message('restore.ended'))
  expect(describeEvent(EVENT.parked, { detail }).data).toEqual({ ...where, reason: expect.any(String) })
})

test('cloud event: what an event does not have is left out', () => {
  const none = { source: null, destination: null, path: null }
  const gap = describeEvent(EVENT.gap, none)
  expect([gap.data, gap.type]).toEqual([{}, 'app.holdfast.events.gap'])
  expect(gap).not.toHaveProperty('subject')
  const removed = describeEvent(EVENT.batchDurable, { source: 'gone', destination: null })
  expect(removed.data).toEqual({ source: { id: 'gone', name: 'gone' }, path: 'a/b' })
})

test('filter of events: those of other types and sources are left out, those without a source and gaps are not', () => {
  const filter = (types: EventFilter['types'], sources: EventFilter['sources']) => ({ types, sources })
  const event = read(EVENT.durable)
  expect(isWanted(event, filter(null, null))).toBe(true)
  expect(isWanted(event, filter(['file.durable'], ['s']))).toBe(true)
  expect(isWanted(event, filter(['file.durable'], ['t']))).toBe(false)
  expect(isWanted(event, filter(['file.deleted'], ['s']))).toBe(false)
  expect(isWanted(event, filter([], null))).toBe(false)
  expect(isWanted(read(EVENT.restored, { source: null }), filter(null, ['t']))).toBe(true)
  expect(isWanted(read(EVENT.gap), filter([], []))).toBe(true)
})

test('cursor: a person gets the reason why a text is none', () => {
  expect(readCursor('beginning')).toEqual(BEGINNING)
  expect(() => readCursor('tomorrow')).toThrow(
    expect.objectContaining({ sentence: { key: 'events.cursor', params: { cursor: 'tomorrow' } } }),
  )
})
