import type { CommandOutput } from '../../core/agent/contract.ts'
import { type Answer, useAnswer } from './answer.ts'
import { useBridge } from './bridge.tsx'

export type LogLine = CommandOutput<'log'>['lines'][number]

/** The newest lines of the log, asked for again all the time while they are shown. */
export function useLog(): Answer<LogLine[]> {
  const bridge = useBridge()
  return useAnswer({
    question: 'log',
    ask: async () => (await bridge.call('log', {})).lines,
    everyMs: 2_000,
  })
}
