import type { CommandOutput } from '../../core/agent/contract.ts'
import { type Answer, useAnswer } from './answer.ts'
import { useBridge } from './bridge.tsx'

interface ShownHistory {
  history: CommandOutput<'checkHistory'>
  /** The end of the requested span, in milliseconds since 1970. */
  to: number
  /** Length of the loaded span; it may differ from the one that is requested now. */
  lengthMs: number
}

interface HistoryQuery {
  id: string
  /** Length of the span, in milliseconds. */
  lengthMs: number
  points: number
  /** Loaded again after another check, but at most once per this interval, in milliseconds. */
  refreshMs: number
}

/** Returns the checks of a path up to now. */
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
