import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
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
  // A disk that is very busy is taken for a hung one.
  await until('the commit', () => store.call('commit', { ...recording(incidents), entries: [] }))
  const kept = readIncidentsWithin(file, 0, Date.now() + 1, 10)
  expect(kept.incidents.map(({ id }) => id)).toEqual(['new'])
})

test('alert store: a thread that starts slowly is not taken for a hung disk', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const directory = temporaryDirectory('alerts')
  const gate = path.join(directory, 'gate')
  const script = `
    import { existsSync } from 'node:fs'
    while (!existsSync(${JSON.stringify(gate)})) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
    await import('${STORE_THREAD}')`
  const url = new URL(`data:text/javascript,${encodeURIComponent(script)}`)
  const store = openAlertStore(url, path.join(directory, 'alerts.db'), () => undefined)
  onTestFinished(async () => void (await store.close()))
  const committed = store.call('commit', { ...recording([createIncident('new')]), entries: [] })
  vi.advanceTimersByTime(60_000)
  writeFileSync(gate, '')
  expect(await committed).toBe(true)
})
