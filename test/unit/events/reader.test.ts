import path from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { exampleNotice, type Incident } from '../../../core/alerts/incident.ts'
import { openAlertDatabase } from '../../../core/alerts/store/database.ts'
import {
  BEGINNING,
  cloudEventSchema,
  cursorAt,
  type EventFilter,
  formatCursor,
  getEventNames,
  parseCursor,
  toCloudEvent,
} from '../../../core/events/cloud-event.ts'
import { EventReader } from '../../../core/events/reader.ts'
import { EVENT } from '../../../core/ledger/ledger-messages.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { englishWords } from '../../../core/lib/i18n/words.ts'
import { defaultSettings } from '../../../core/settings/schema.ts'
import { file, open } from '../../support/store/ledger.ts'

const ALL: EventFilter = { types: null, sources: null }
const names = getEventNames(defaultSettings, 'station', '/data')

function openBoth() {
  const opened = open()
  const at = (name: string) => path.join(opened.directory, name)
  const alerts = openAlertDatabase(at('alerts.db'))
  const reader = new EventReader({ ledger: at('ledger.db'), alerts: at('alerts.db') })
  const database = new DatabaseSync(at('ledger.db'))
  onTestFinished(() => {
    alerts.close()
    reader.close()
    database.close()
  })
  const commit = (incident: Incident) => alerts.commit({ policy: null, incidents: [incident], entries: [] })
  const readTypes = (from = BEGINNING, filter = ALL) =>
    reader.read(from, filter).events.map((event) => toCloudEvent(event, names).type)
  return { ...opened, alerts, reader, database, commit, readTypes }
}

const example = (changes: Partial<Incident> = {}): Incident => ({
  ...exampleNotice('failed', Date.now()).incident,
  sources: ['s'],
  ...changes,
})

test('event reader: files and incidents come in the order of their time, with a cursor behind each', () => {
  const { ledger, take, send, commit, reader } = openBoth()
  ledger.offer('d', [file('a')])
  send(take())
  const now = Date.now()
  const incident = example({ noticedAt: now + 1_000 })
  commit(incident)
  ledger.recordRestored('d', '/b', now + 2_000)
  commit({ ...incident, endedAt: now + 3_000, end: message('notify.deletedBack') })
  const { events, cursor, more } = reader.read(BEGINNING, ALL)
  const outside = events.map((event) => cloudEventSchema.parse(toCloudEvent(event, names)))
  expect(outside.map(({ type }) => type.slice('app.holdfast.'.length))).toEqual([
    'file.durable',
    'incident.began',
    'file.restored',
    'incident.ended',
  ])
  const [, began, , ended] = outside
  expect(began?.data.incident?.sentence).toMatch(/cannot be written/)
  expect(ended?.data.incident?.sentence).toBe('The deleted files are back.')
  expect(outside.at(-1)?.cursor).toBe(formatCursor(cursor))
  expect(more).toBe(false)
  for (const [index, { cursor: place }] of outside.entries()) {
    const rest = reader.read(parseCursor(place, Date.now()) ?? BEGINNING, ALL)
    expect(rest.events).toHaveLength(outside.length - index - 1)
  }
})

test('event reader: an incident begins and ends once, however often its row changes', () => {
  const { commit, readTypes } = openBoth()
  const incident = example()
  commit(incident)
  commit({ ...incident, told: true })
  commit({ ...incident, endedAt: 5 })
  commit({ ...incident, endedAt: 5, repeats: 1 })
  expect(readTypes()).toEqual(['app.holdfast.incident.began', 'app.holdfast.incident.ended'])
})

test('event reader: the events of an incident have its cause as far as it was known, and no field without one', () => {
  const { commit, reader } = openBoth()
  const cause = [
    message('cause.ataReset', { device: 'ata3' }),
    message('cause.stoppedWriting', { type: 'ext4' }),
  ]
  const commitBoth = (id: string, began: Partial<Incident>, ended: Partial<Incident>) => {
    commit(example({ id, ...began }))
    commit(example({ id, ...ended, endedAt: 5 }))
  }
  commitBoth('a', { cause }, { cause })
  commitBoth('b', {}, { cause })
  commitBoth('c', { cause: [] }, {})
  const data = reader.read(BEGINNING, ALL).events.map((event) => {
    return cloudEventSchema.parse(toCloudEvent(event, names)).data.incident
  })
  const text = cause.map(englishWords).join(' ')
  expect(data.map((one) => one?.cause)).toEqual([text, text, undefined, text, undefined, undefined])
  expect(data.filter((one) => one !== undefined && 'cause' in one)).toHaveLength(3)
})

test('event reader: filters by type and source pass over other events', () => {
  const { ledger, take, send, commit, readTypes, reader } = openBoth()
  ledger.offer('d', [file('a')])
  send(take())
  commit(example())
  expect(readTypes(BEGINNING, { types: ['incident.began'], sources: null })).toEqual([
    'app.holdfast.incident.began',
  ])
  expect(readTypes(BEGINNING, { types: null, sources: ['other'] })).toEqual([])
  const page = reader.read(BEGINNING, { types: null, sources: ['other'] })
  expect(reader.read(page.cursor, ALL).events).toEqual([])
})

test('event reader: an event of a kind that a newer version added is passed over, and the others are not', () => {
  const { ledger, database, reader, readTypes } = openBoth()
  const unknown = Math.max(...Object.values(EVENT)) + 1
  database.exec(`INSERT INTO event (at, type) VALUES (1, ${unknown})`)
  const { events, cursor } = reader.read(BEGINNING, ALL)
  expect(events).toEqual([])
  expect(cursor.ledger).toBeGreaterThan(0)
  ledger.recordRestored('d', '/a', Date.now())
  expect(readTypes()).toEqual(['app.holdfast.file.restored'])
  expect(readTypes(cursor)).toEqual(['app.holdfast.file.restored'])
})

test('event reader: pages that are full say that there is more, and lose nothing', () => {
  const { ledger, reader } = openBoth()
  for (let index = 0; index < 25; index += 1) ledger.recordRestored('d', `/${index}`, 1)
  const found: string[] = []
  for (let place = BEGINNING; ; ) {
    const page = reader.read(place, ALL, 10)
    found.push(...page.events.flatMap((one) => (one.log === 'ledger' ? [String(one.row.path)] : [])))
    place = page.cursor
    if (!page.more) break
  }
  expect(found).toEqual(Array.from({ length: 25 }, (_, index) => `/${index}`))
})

test('event reader: a cursor whose events were removed meets a gap; the beginning does not', () => {
  const { ledger, database, readTypes, reader } = openBoth()
  ledger.recordRestored('d', '/a', 1)
  const { cursor } = reader.read(BEGINNING, ALL)
  for (const name of ['/b', '/c', '/d']) ledger.recordRestored('d', name, 1)
  database.exec(`UPDATE event SET type = ${EVENT.gap}, detail = NULL WHERE path = '/c'`)
  database.exec(`DELETE FROM event WHERE path IN ('/a', '/b')`)
  expect(readTypes(cursor)).toEqual(['app.holdfast.events.gap', 'app.holdfast.file.restored'])
  expect(readTypes()).toEqual(['app.holdfast.file.restored'])
  expect(readTypes(cursor, { types: ['file.durable'], sources: null })).toEqual(['app.holdfast.events.gap'])
})

test('event reader: missing files have no events, and are read once they are there', () => {
  const { directory } = open()
  const at = (name: string) => path.join(directory, 'later', name)
  const reader = new EventReader({ ledger: at('ledger.db'), alerts: at('alerts.db') })
  const now = cursorAt(Date.now())
  // The place stays, so that a new file's gap is met.
  expect(reader.read(now, ALL)).toEqual({ events: [], start: now, cursor: now, more: false })
})

test('event reader: a place ahead of a replaced log meets its gap and all of its events', () => {
  const { ledger, commit, database, reader, readTypes } = openBoth()
  ledger.recordRestored('d', '/a', Date.now())
  const { cursor } = reader.read(BEGINNING, ALL)
  database.exec(`DELETE FROM event; INSERT INTO event (seq, at, type) VALUES (1000, 1, ${EVENT.gap})`)
  ledger.recordRestored('d', '/b', 2)
  expect(readTypes(cursor)).toEqual(['app.holdfast.events.gap', 'app.holdfast.file.restored'])
  commit(example())
  expect(readTypes({ ...cursor, incidents: cursor.incidents + 3_600_000_000 })).toEqual([
    'app.holdfast.events.gap',
    'app.holdfast.file.restored',
    'app.holdfast.incident.began',
  ])
})

test('event reader: a time ahead of the newest event is set back, so that no later one is missed', () => {
  const { ledger, reader, readTypes } = openBoth()
  ledger.recordRestored('d', '/a', Date.now())
  const ahead = cursorAt(Date.now() + 3_600_000)
  const { events, start, cursor } = reader.read(ahead, ALL)
  expect(events).toEqual([])
  expect(start).toEqual(cursor)
  ledger.recordRestored('d', '/b', Date.now())
  expect(readTypes(cursor)).toEqual(['app.holdfast.file.restored'])
})

test('cursor: a time is a place, and other texts are refused', () => {
  expect(parseCursor('now', 1_000)).toEqual(cursorAt(1_000))
  expect(parseCursor('beginning', 1_000)).toEqual(BEGINNING)
  expect(parseCursor('2h', 7_200_001)).toEqual(cursorAt(1))
  expect(parseCursor('2h', 1)).toEqual(BEGINNING)
  expect(parseCursor('2026-11-28T08:15Z', 0)).toEqual(cursorAt(Date.UTC(2026, 10, 28, 8, 15)))
  expect(parseCursor(formatCursor({ ledger: 12, incidents: 3 }), 0)).toEqual({ ledger: 12, incidents: 3 })
  for (const text of ['', '1', '1-', 'a-b', '1-2-3', '99999999999999999-1', '-1-2'])
    expect(parseCursor(text, 0)).toBeNull()
})

test('cloud event: the same event has the same id, and says when it is delivered again', () => {
  const { ledger, reader } = openBoth()
  ledger.recordRestored('d', '/a', 1_700_000_000_000)
  const [event] = reader.read(BEGINNING, ALL).events
  if (event === undefined) throw new Error('no event')
  const first = toCloudEvent(event, names)
  const again = toCloudEvent(event, names, true)
  expect(first).toMatchObject({
    specversion: '1.0',
    type: 'app.holdfast.file.restored',
    time: '2023-11-14T22:13:20.000Z',
    data: { destination: { id: 'd', name: 'd' }, path: '/a' },
  })
  expect(first.redelivered).toBeUndefined()
  expect(again).toEqual({ ...first, redelivered: true })
  expect(first.source).toMatch(/^urn:holdfast:station:[0-9a-f]{12}$/)
})
