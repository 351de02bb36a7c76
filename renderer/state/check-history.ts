import { useEffect, useRef, useState } from 'react'
import type { CommandOutput } from '../../core/agent/contract.ts'
import type { Message } from '../../core/words/message.ts'
import { askAgain, retryMs } from './ask-again.ts'
import { useBridge } from './bridge.tsx'
import { sentenceOfThrown } from './thrown.ts'

export interface ShownHistory {
  /** null until the first answer, which stays while another one is on its way. */
  answer: HistoryAnswer | null
  /** Why the last question failed; null when it did not. */
  failure: Message | null
}

interface HistoryAnswer {
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
export function useCheckHistory(query: HistoryQuery, lastCheckAt: number | null): ShownHistory {
  const { id, lengthMs, points, refreshMs } = query
  const bridge = useBridge()
  const [shown, setShown] = useState<ShownHistory>({ answer: null, failure: null })
  const asked = useRef({ question: '', at: 0 })
  const wanted = useRef('')

  // biome-ignore lint/correctness/useExhaustiveDependencies: another check is what asks again.
  useEffect(() => {
    const question = `${id} ${lengthMs}`
    wanted.current = question
    const ask = async (): Promise<number | null> => {
      const to = Date.now()
      asked.current = { question, at: to }
      // Further checks may have come meanwhile; the answer counts as long as the same is wanted.
      const isWanted = () => wanted.current === question
      try {
        const history = await bridge.call('checkHistory', { id, from: to - lengthMs, to, points })
        if (isWanted()) setShown({ answer: { history, to, lengthMs }, failure: null })
        return null
      } catch (thrown) {
        if (!isWanted()) return null
        // The last answer stays, and the next check asks again at once.
        asked.current = { question: '', at: 0 }
        setShown(({ answer }) => ({ answer, failure: sentenceOfThrown(thrown) }))
        return retryMs
      }
    }
    const isNew = asked.current.question !== question
    return askAgain(ask, isNew ? 0 : Math.max(0, asked.current.at + refreshMs - Date.now()))
  }, [bridge, id, lengthMs, points, refreshMs, lastCheckAt])
  return shown
}
