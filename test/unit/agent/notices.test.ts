import { expect, test } from 'vitest'
import { createNotices } from '../../../core/agent/parts/notices/notices.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { settingsSchema } from '../../../core/settings/schema.ts'
import { openSettings } from '../../../core/settings/settings-store.ts'
import { fakeAgent } from '../../support/agent/fake-agent.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

test('notices: a restored check history withdraws its notice, and the log keeps the number of missing checks', () => {
  const settings = openSettings(temporaryDirectory())
  settings.set(settingsSchema.parse({ checkedPaths: [{ id: 'c', path: '/checked' }] }))
  const { agent, logged, notices, says } = fakeAgent(settings)
  agent.start()
  const lost = message('check.historyLost', { path: '/data/history.db', reason: 'ENOSPC' })
  says('checker', { checked: [], notice: lost })
  expect(notices()).toEqual([expect.stringContaining('no space left')])
  says('checker', { checked: [], notice: message('check.historyBack', { lost: 60 }) })
  expect(notices()).toEqual([])
  expect(logged).toContainEqual(expect.stringContaining('60 checks are missing'))
})

test('notices: a complete restore is logged as info, a partial one as a warning', () => {
  const { agent } = fakeAgent(openSettings(temporaryDirectory()))
  const levels: string[] = []
  const { add } = createNotices(agent.store, (level) => levels.push(level))
  const facts = { path: '/back', count: 3 }
  for (const [key, more] of [
    ['restore.done', {}],
    ['restore.partlyKept', { done: 2, left: 1 }],
    ['restore.partly', { done: 2, left: 1 }],
  ] as const)
    add('restore', message(key, { ...facts, ...more }))
  expect(levels).toEqual(['info', 'info', 'warn'])
})
