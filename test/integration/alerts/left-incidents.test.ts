// @module-tag story
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { expect, test } from 'vitest'
import { openAlertDatabase } from '../../../core/alerts/store/database.ts'
import { headless } from '../../support/alerts/headless.ts'
import { createIncident } from '../../support/alerts/notifier-config.ts'

test('`holdfast failures` without an agent: incidents are read, and a newer database is refused, not set aside', async () => {
  const home = headless({})
  expect(await home.says(['failures'])).toBe('No failures recorded.\n')
  const file = path.join(home.directory, 'alerts.db')
  const database = openAlertDatabase(file)
  database.commit({ policy: null, incidents: [createIncident('kept')], entries: [] })
  database.close()
  expect((await home.incidents()).map(({ incident }) => incident.id)).toEqual(['kept'])

  const newer = new DatabaseSync(file)
  newer.exec('PRAGMA user_version = 99')
  newer.close()
  expect(await home.run(['failures'])).toMatchObject({ code: 1, err: expect.stringContaining('newer') })
  expect(readdirSync(home.directory).filter((name) => name.startsWith('alerts.db.'))).toEqual([])
})
