import { useEffect, useEffectEvent, useRef, useState } from 'react'
import type { Message } from '../../core/lib/i18n/message.ts'
import { askAgain, retryMs } from './ask-again.ts'
import { sentenceOfThrown } from './thrown.ts'

interface Question<Value> {
  /** Identifies the question: a different text asks again. null asks nothing. */
  question: string | null
  /** Resolves to null if another request superseded it: it is then repeated. */
  ask: () => Promise<Value | null>
  /** Changes when the answer to the same question may have changed. */
  version?: string | number | null
  /** Minimum interval between two requests while the version keeps changing, in milliseconds. */
  refreshMs?: number
  /** Delay before a new question, in milliseconds, so that typing does not send a request per keystroke. */
  typingMs?: number
  /** Repeats the question this long after each answer, in milliseconds; null only when the version changes. */
  everyMs?: number | null | ((value: Value) => number | null)
}

export interface Answer<Value> {
  /** null until the first answer. The last answer stays while the next one is loading. */
  value: Value | null
  /** Why the last request failed; null if it did not. */
  failure: Message | null
  /** There is no answer to the present question yet. */
  isPending: boolean
}

/** Returns the answer to a question; asks again after failures and when the version changes. */
export function useAnswer<Value>({
  question,
  ask,
  version = null,
  refreshMs = 0,
  typingMs = 0,
  everyMs = null,
}: Question<Value>): Answer<Value> {
  const [shown, setShown] = useState<{ question: string; value: Value } | null>(null)
  const [failed, setFailed] = useState<{ question: string; sentence: Message } | null>(null)
  const last = useRef({ question: '', version, at: 0 })
  const wanted = useRef<string | null>(null)
  const askNow = useEffectEvent(ask)

  useEffect(() => {
    wanted.current = question
    if (question === null) return
    // An answer to an older version is still shown; one to another question is dropped.
    const isWanted = () => wanted.current === question
    const attempt = async (): Promise<number | null> => {
      last.current = { question, version, at: Date.now() }
      try {
        const value = await askNow()
        if (value === null) return retryMs
        if (!isWanted()) return null
        setShown({ question, value })
        setFailed(null)
        return typeof everyMs === 'function' ? everyMs(value) : everyMs
      } catch (error) {
        // The next version asks without delay.
        last.current.at = 0
        if (isWanted()) setFailed({ question, sentence: sentenceOfThrown(error) })
        return retryMs
      }
    }
    const isNew = last.current.question !== question
    return askAgain(attempt, isNew ? typingMs : Math.max(0, last.current.at + refreshMs - Date.now()))
  }, [question, version, refreshMs, typingMs, everyMs])

  const isPending = question !== null && shown?.question !== question && failed?.question !== question
  return { value: shown?.value ?? null, failure: failed?.sentence ?? null, isPending }
}
