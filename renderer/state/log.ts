import { useEffect, useState } from 'react'
import type { CommandOutput } from '../../core/agent/contract.ts'
import type { Message } from '../../core/words/message.ts'
import { askAgain } from './ask-again.ts'
import { useBridge } from './bridge.tsx'
import { sentenceOfThrown } from './thrown.ts'

const everyMs = 2_000

export type LogLine = CommandOutput<'log'>['lines'][number]

/** The newest lines of the log, asked for again all the time while they are shown; null until the first answer. */
export function useLog(): { lines: LogLine[] | null; failure: Message | null } {
  const bridge = useBridge()
  const [log, setLog] = useState<{ lines: LogLine[] | null; failure: Message | null }>({
    lines: null,
    failure: null,
  })
  useEffect(
    () =>
      askAgain(async () => {
        try {
          const { lines } = await bridge.call('log', {})
          setLog({ lines, failure: null })
        } catch (thrown) {
          setLog(({ lines }) => ({ lines, failure: sentenceOfThrown(thrown) }))
        }
        return everyMs
      }, 0),
    [bridge],
  )
  return log
}
