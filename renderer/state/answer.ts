import { useEffect, useEffectEvent, useRef, useState } from 'react'
import type { Message } from '../../core/lib/i18n/message.ts'
import { askAgain, retryMs } from './ask-again.ts'
import { sentenceOfThrown } from './thrown.ts'

interface Question<Value> {
  /** What is asked, as text: another one is asked anew. null: nothing is. */
  question: string | null
  /** null: something else has cut it short, and it is asked again. */
  ask: () => Promise<Value | null>
  /** Anything that changes when the same question may have another answer. */
  version?: string | number | null
  /** Pause between two questions while versions keep changing, in milliseconds. */
  refreshMs?: number
  /** Pause before a new question, in milliseconds: somebody who is still typing is not asked after each key. */
  typingMs?: number
  /** The same is asked for ever again, in milliseconds after each answer; null: only when something has changed. */
  everyMs?: number | null
}

export interface Answer<Value> {
  /** null until the first answer. The last one stays while another question is on its way. */
  value: Value | null
  /** Why the last question failed; null when it did not. */
  failure: Message | null
  /** Nothing has come yet of what is asked now. */
  isPending: boolean
}

/** The answer to a question of the window, asked again while it fails and when it may be another one. */
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
    // An answer to an older version is still shown; one to another question is not.
    const isWanted = () => wanted.current === question
    const attempt = async (): Promise<number | null> => {
      last.current = { question, version, at: Date.now() }
      try {
        const value = await askNow()
        if (value === null) return retryMs
        if (!isWanted()) return null
        setShown({ question, value })
        setFailed(null)
        return everyMs
      } catch (error) {
        // The next version asks at once.
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
