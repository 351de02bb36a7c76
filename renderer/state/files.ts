import { useCallback, useEffect, useRef, useState } from 'react'
import type { CommandInput, CommandOutput } from '../../core/agent/contract.ts'
import type { Message } from '../../core/words/message.ts'
import { askAgain, retryMs } from './ask-again.ts'
import { useBridge } from './bridge.tsx'
import { sentenceOfThrown } from './thrown.ts'

export type FilesQuery = Pick<CommandInput<'files'>, 'source' | 'state' | 'text'>
type Page = CommandOutput<'files'>

export interface FilesPage {
  /** null until the first answer. */
  page: Page | null
  /** Why the last question failed; null when it did not. */
  failure: Message | null
  newer: (() => void) | null
  older: (() => void) | null
}

const pageSize = 100
/** Pauses between two questions while the ledger keeps changing, in milliseconds. */
const refreshMs = 2000

/**
 * One page of the ledger at a time, newest first. `version` is anything that changes when the ledger did:
 * the page is then asked for again, at most every two seconds. For another source, state or text, mount anew (key).
 */
export function useFiles({ source, state, text }: FilesQuery, version: string): FilesPage {
  const bridge = useBridge()
  /** The `before` of each page on the way here; the last one is the page that is shown. */
  const [trail, setTrail] = useState<(number | null)[]>([null])
  const [shown, setShown] = useState<{ page: Page; before: number | null } | null>(null)
  const [failure, setFailure] = useState<Message | null>(null)
  const lastAsked = useRef(0)
  const before = trail.at(-1) ?? null

  const wanted = useRef<number | null | undefined>(undefined)
  useEffect(() => {
    wanted.current = before
    return () => {
      wanted.current = undefined
    }
  }, [before])

  // biome-ignore lint/correctness/useExhaustiveDependencies: another version is what asks again.
  useEffect(() => {
    const ask = async (): Promise<number | null> => {
      lastAsked.current = Date.now()
      // An answer to an older version is still shown; one to another page is not.
      const current = () => wanted.current === before
      try {
        const answer = await bridge.call('files', { source, state, text, before, limit: pageSize })
        if (!current()) return null
        setShown({ page: answer, before })
        setFailure(null)
        return null
      } catch (thrown) {
        if (current()) setFailure(sentenceOfThrown(thrown))
        return retryMs
      }
    }
    return askAgain(ask, Math.max(0, lastAsked.current + refreshMs - Date.now()))
  }, [bridge, source, state, text, before, version])

  const last = shown?.page.files.at(-1)
  const turn = useCallback((next: (number | null)[]) => {
    // Turning a page is the person's wish: it does not wait for the refresh's pause.
    lastAsked.current = 0
    setTrail(next)
  }, [])
  const turnOlder = (after: number) => {
    // What comes after a page that is still on its way only that page tells; its button keeps the focus meanwhile.
    if (shown?.before === before) turn([...trail, after])
  }
  return {
    page: shown?.page ?? null,
    failure,
    newer: trail.length > 1 ? () => turn(trail.slice(0, -1)) : null,
    older: shown?.page.more === true && last !== undefined ? () => turnOlder(last.id) : null,
  }
}
