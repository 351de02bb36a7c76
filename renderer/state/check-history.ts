import { useEffect, useRef, useState } from 'react'
import type { CommandOutput } from '../../core/agent/contract.ts'
import { useBridge } from './bridge.tsx'

export interface ShownHistory {
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

/** The checks of a path up to now; null until the first answer, which stays while another one is on its way. */
export function useCheckHistory(query: HistoryQuery, lastCheckAt: number | null): ShownHistory | null {
  const { id, lengthMs, points, refreshMs } = query
  const bridge = useBridge()
  const [shown, setShown] = useState<ShownHistory | null>(null)
  const asked = useRef({ question: '', at: 0 })
  const wanted = useRef('')

  // biome-ignore lint/correctness/useExhaustiveDependencies: another check is what asks again.
  useEffect(() => {
    const question = `${id} ${lengthMs}`
    wanted.current = question
    const ask = async () => {
      const to = Date.now()
      asked.current = { question, at: to }
      const history = await bridge
        .call('checkHistory', { id, from: to - lengthMs, to, points })
        .catch(() => null)
      // Further checks may have come meanwhile; the answer counts as long as the same is wanted.
      if (wanted.current !== question) return
      if (history !== null) setShown({ history, to, lengthMs })
      // Without an answer the last one stays, and the next check asks again at once.
      else asked.current = { question: '', at: 0 }
    }
    const isNew = asked.current.question !== question
    const timer = setTimeout(ask, isNew ? 0 : Math.max(0, asked.current.at + refreshMs - Date.now()))
    return () => clearTimeout(timer)
  }, [bridge, id, lengthMs, points, refreshMs, lastCheckAt])
  return shown
}
