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

  // biome-ignore lint/correctness/useExhaustiveDependencies: another check is what asks again.
  useEffect(() => {
    let isWanted = true
    const question = `${id} ${lengthMs}`
    const ask = async () => {
      const to = Date.now()
      asked.current = { question, at: to }
      // Without an answer the last one stays; the next check asks again.
      const history = await bridge
        .call('checkHistory', { id, from: to - lengthMs, to, points })
        .catch(() => null)
      if (isWanted && history !== null) setShown({ history, to, lengthMs })
    }
    const isNew = asked.current.question !== question
    const timer = setTimeout(ask, isNew ? 0 : Math.max(0, asked.current.at + refreshMs - Date.now()))
    return () => {
      isWanted = false
      clearTimeout(timer)
    }
  }, [bridge, id, lengthMs, points, refreshMs, lastCheckAt])
  return shown
}
