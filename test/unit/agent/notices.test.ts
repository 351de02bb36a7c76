import { expect, test } from 'vitest'
import { openSettings } from '../../../core/settings/store.ts'
import { message } from '../../../core/words/message.ts'
import { fakeAgent } from '../../support/fake-agent.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

test('a history that is written again needs nobody: its notice goes, and the log keeps what was lost', () => {
  const { agent, logged, notices, says } = fakeAgent(openSettings(temporaryDirectory()))
  agent.start()
  const lost = message('check.historyLost', { path: '/data/history.db', reason: 'ENOSPC' })
  says('checker', { checked: [], notice: lost })
  expect(notices()).toEqual([expect.stringContaining('no space left')])
  says('checker', { checked: [], notice: message('check.historyBack', { lost: 60 }) })
  expect(notices()).toEqual([])
  expect(logged).toContainEqual(expect.stringContaining('60 checks are missing'))
})
