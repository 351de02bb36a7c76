import { existsSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { expect, test } from 'vitest'
import type { OutboxEntry } from '../../../core/alerts/channel-sender.ts'
import { changesQuestionSchema } from '../../../core/alerts/incident.ts'
import {
  appendChange,
  openAlertDatabase,
  readChanges,
  readEvidence,
} from '../../../core/alerts/store/database.ts'
import { createIncident, createNotice } from '../../support/alerts/notifier-config.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

test('alert database: opening it creates no store directory while the disk of the store is missing', () => {
  const store = path.join(temporaryDirectory('mount-point'), 'store')
  expect(() => openAlertDatabase(path.join(store, '.holdfast/alerts.db'))).toThrow()
  expect(existsSync(store)).toBe(false)
})

test('alert database: a decision of the policy and its notices are stored together or not at all', () => {
  const database = openAlertDatabase(path.join(temporaryDirectory('alerts'), 'alerts.db'))
  const incident = createIncident('a')
  const policy = { open: [{ ...incident, tellAfterMs: 0, toldAt: 1, named: ['a'] }], owed: [], troubles: [] }
  const entry: OutboxEntry = {
    id: 'e',
    notice: createNotice('failed', incident),
    channel: 'hook',
    channelName: 'Hook',
    state: 'waiting',
    at: 1,
    decidedAt: null,
    attempts: 0,
    reason: null,
  }
  // The database refuses the second entry.
  const refused = { ...entry, id: 'f', state: null as never }
  expect(() => database.commit({ policy, incidents: [incident], entries: [entry, refused] })).toThrow()
  expect(database.load(1)).toMatchObject({ policy: null, waiting: [] })
  database.commit({ policy, incidents: [incident], entries: [entry] })
  expect(database.load(1)).toMatchObject({ policy, waiting: [entry] })
  database.close()
})

test('alert database: changes are listed newest first by page, found by text, and kept for 400 days', () => {
  const file = path.join(temporaryDirectory('alerts'), 'alerts.db')
  const day = 86_400_000
  const now = 1_000 * day
  const row = (id: string, at: number) => ({ id, at, text: `ada\nÄnderung ${id}`, facts: id })
  const database = openAlertDatabase(file)
  const list = (question: object) =>
    database.changes(changesQuestionSchema.parse({ before: null, most: 2, ...question }))
  database.addChanges([row('old', now - 399 * day), row('b', now - 2), row('a', now - 1)], now)
  // Stored again after a timeout.
  database.addChanges([row('a', now - 1), row('100%', now)], now)
  const first = list({})
  expect(first.rows).toEqual(['100%', 'a'])
  expect(list({ before: first.next })).toEqual({ rows: ['b', 'old'], next: null })
  expect(list({ since: now - 1 }).rows).toEqual(['100%', 'a'])
  expect(list({ text: '100%' }).rows).toEqual(['100%'])
  expect(list({ text: 'ADA\n' }).rows).toHaveLength(2)
  database.addChanges([], now + 2 * day)
  expect(list({ most: 200 }).rows).toEqual(['100%', 'a', 'b'])
  database.close()
  appendChange(file, row('later', Date.now()))
  expect(readChanges(file, changesQuestionSchema.parse({ before: null, most: 1 })).rows).toEqual(['later'])
})

test('alert database: a file of a version without changes has none', () => {
  const file = path.join(temporaryDirectory('alerts'), 'alerts.db')
  const question = changesQuestionSchema.parse({ before: null, most: 1 })
  expect(readChanges(file, question)).toEqual({ rows: [], next: null })
  openAlertDatabase(file).close()
  const database = new DatabaseSync(file)
  database.exec('DROP TABLE change')
  database.close()
  expect(readChanges(file, question)).toEqual({ rows: [], next: null })
})

test('alert database: the newest evidence of an incident is kept as long as its incident, and read without a writer', () => {
  const file = path.join(temporaryDirectory('alerts'), 'alerts.db')
  expect(readEvidence(file, 'a')).toBeNull()
  const database = openAlertDatabase(file)
  const incidents = ['a', 'b'].map((id) => ({
    ...createIncident(id),
    noticedAt: id === 'a' ? 1 : 2,
    endedAt: 3,
  }))
  const evidence = ['a', 'b'].map((incident) => ({ incident, text: `lines of ${incident}` }))
  database.commit({ policy: null, incidents, entries: [], evidence })
  database.commit({
    policy: null,
    incidents: [],
    entries: [],
    evidence: [{ incident: 'b', text: 'more lines' }],
  })
  expect([readEvidence(file, 'a'), database.evidence('b'), readEvidence(file, 'c')]).toEqual([
    'lines of a',
    'more lines',
    null,
  ])
  // 400 days later the older of the two goes.
  database.prune(2 + 400 * 86_400_000)
  expect([database.evidence('a'), database.evidence('b')]).toEqual([null, 'more lines'])
  database.close()
})
