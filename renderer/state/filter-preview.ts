import { useEffect, useState } from 'react'
import type { CommandInput, CommandOutput } from '../../core/agent/contract.ts'
import type { Message } from '../../core/words/message.ts'
import { askAgain, retryMs } from './ask-again.ts'
import { useBridge } from './bridge.tsx'
import { sentenceOfThrown } from './thrown.ts'

type Filters = CommandInput<'previewFilters'>['filters']
export type FilterPreview = CommandOutput<'previewFilters'>

export interface ShownPreview {
  /** null until the first answer; the last one stays while the next is on its way. */
  preview: FilterPreview | null
  /** Why the last question failed; null when it did not. */
  failure: Message | null
  /** An answer to what is typed now is on its way. */
  pending: boolean
}

/** Somebody who is still typing is not asked after each key. Milliseconds. */
const typingMs = 350

/** What these filters would leave out of a source; null asks nothing. */
export function useFilterPreview(id: string, filters: Filters | null): ShownPreview {
  const bridge = useBridge()
  const [shown, setShown] = useState<ShownPreview>({ preview: null, failure: null, pending: false })
  const question = filters === null ? null : JSON.stringify(filters)

  useEffect(() => {
    if (question === null) {
      setShown((before) => ({ ...before, pending: false }))
      return
    }
    let wanted = true
    setShown((before) => ({ ...before, pending: true }))
    const ask = async (): Promise<number | null> => {
      try {
        const preview = await bridge.call('previewFilters', { id, filters: JSON.parse(question) })
        // Another window has asked meanwhile: what it ended is asked for once more.
        if (preview.ended === 'superseded') return typingMs
        if (wanted) setShown({ preview, failure: null, pending: false })
        return null
      } catch (thrown) {
        const failure = sentenceOfThrown(thrown)
        if (wanted) setShown((before) => ({ ...before, failure, pending: false }))
        return retryMs
      }
    }
    const end = askAgain(ask, typingMs)
    return () => {
      wanted = false
      end()
    }
  }, [bridge, id, question])
  return shown
}
