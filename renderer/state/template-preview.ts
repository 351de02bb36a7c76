import { useEffect, useState } from 'react'
import type { CommandInput } from '../../core/agent/contract.ts'
import type { Message } from '../../core/words/message.ts'
import { askAgain, retryMs } from './ask-again.ts'
import { useBridge } from './bridge.tsx'
import { sentenceOfThrown } from './thrown.ts'

export interface ShownText {
  /** null until the first answer; the last one stays while the next is on its way. */
  text: string | null
  /** Why the last question failed; null when it did not. */
  failure: Message | null
}

/** Somebody who is still typing is not asked after each key. Milliseconds. */
const typingMs = 300

/** What a channel's template makes of a notice. */
export function useTemplatePreview({ type, template }: CommandInput<'previewTemplate'>): ShownText {
  const bridge = useBridge()
  const [shown, setShown] = useState<ShownText>({ text: null, failure: null })
  useEffect(() => {
    let isWanted = true
    const ask = async (): Promise<number | null> => {
      try {
        const { text } = await bridge.call('previewTemplate', { type, template })
        if (isWanted) setShown({ text, failure: null })
        return null
      } catch (thrown) {
        if (isWanted) setShown(({ text }) => ({ text, failure: sentenceOfThrown(thrown) }))
        return retryMs
      }
    }
    const end = askAgain(ask, typingMs)
    return () => {
      isWanted = false
      end()
    }
  }, [bridge, type, template])
  return shown
}
