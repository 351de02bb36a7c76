import type { CommandOutput } from '../../core/agent/contract.ts'
import { type Answer, useAnswer } from './answer.ts'
import { useBridge } from './bridge.tsx'

export type LogLine = CommandOutput<'log'>['lines'][number]

/** Returns the newest lines of the log, polled while they are shown. */
export function useLog(): Answer<LogLine[]> {
  const bridge = useBridge()
  return useAnswer({
    question: 'log',
    ask: async () => (await bridge.call('log', {})).lines,
    everyMs: 2_000,
  })
}
