import { describe, expect, test } from 'vitest'
import { workerNames } from '../../../core/agent/state/schema.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { createWords } from '../../../core/lib/i18n/words.ts'

const [english, chinese] = [createWords('en'), createWords('zh-TW')]

describe.each(['agent.workerAway', 'agent.workerSilent', 'status.worker.failed'] as const)(
  'message %s',
  (key) => {
    test.each(workerNames)('the %s has the same name as in the window', (worker) => {
      const name = message(`window.worker.${worker}`)
      const sentence = message(key, { worker })
      expect(english(sentence)).toContain(`The ${english(name).toLowerCase()} `)
      expect(chinese(sentence)).toContain(`${chinese(name)}程序`)
      expect(chinese(sentence)).not.toMatch(/[a-z$]/)
    })
  },
)
