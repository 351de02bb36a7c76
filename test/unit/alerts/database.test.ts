import { existsSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { OutboxEntry } from '../../../core/alerts/channel-sender.ts'
import { openAlertDatabase } from '../../../core/alerts/store/database.ts'
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
