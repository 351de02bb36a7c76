import type { CommandOutput } from '../../core/agent/contract.ts'
import { type Answer, useAnswer } from './answer.ts'
import { useBridge } from './bridge.tsx'

interface ShownHistory {
  history: CommandOutput<'checkHistory'>
  /** The end of the time that was asked for, in milliseconds since 1970. */
  to: number
  /** How far back was asked for: perhaps not yet what is wanted now. */
  lengthMs: number
}

interface HistoryQuery {
  id: string
  /** How far back, in milliseconds. */
  lengthMs: number
  points: number
  /** It is asked for again when there was another check, but not more often than this, in milliseconds. */
  refreshMs: number
}

/** The checks of a path up to now. */
export function useCheckHistory(query: HistoryQuery, lastCheckAt: number | null): Answer<ShownHistory> {
  const { id, lengthMs, points, refreshMs } = query
  const bridge = useBridge()
  return useAnswer({
    question: `${id} ${lengthMs}`,
    version: lastCheckAt,
    refreshMs,
    ask: async () => {
      const to = Date.now()
      const history = await bridge.call('checkHistory', { id, from: to - lengthMs, to, points })
      return { history, to, lengthMs }
    },
  })
}
