import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readIncidentsWithin } from '../../../core/alerts/store/database.ts'
import { openAlertStore } from '../../../core/alerts/store/store.ts'
import { createIncident, recording, STORE_THREAD } from '../../support/alerts/notifier-config.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

test('alert store: incidents that ended long ago are removed when others are stored', async () => {
  const file = path.join(temporaryDirectory('alerts'), 'alerts.db')
  const store = openAlertStore(STORE_THREAD, file, () => undefined)
  onTestFinished(async () => void (await store.close()))
  const longAgo = Date.now() - 1_000 * 86_400_000
  const ended = { startedAt: longAgo, noticedAt: longAgo, endedAt: longAgo + 1 }
  const incidents = [createIncident('old', ended), createIncident('new')]
  // A thread that is still starting is taken for a hung disk.
  await until('the commit', () => store.call('commit', { ...recording(incidents), entries: [] }))
  const kept = readIncidentsWithin(file, 0, Date.now() + 1, 10)
  expect(kept.incidents.map(({ id }) => id)).toEqual(['new'])
})
