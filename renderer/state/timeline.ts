import { useEffect, useRef, useState } from 'react'
import type { Bridge, CommandInput, CommandOutput } from '../../core/agent/contract.ts'
import type { Message } from '../../core/words/message.ts'
import { askAgain, retryMs } from './ask-again.ts'
import { useBridge } from './bridge.tsx'
import { sentenceOfThrown } from './thrown.ts'

export type TimelineFilter = Pick<CommandInput<'timeline'>, 'severity' | 'source' | 'text'>
export type TimelineEntry = CommandOutput<'timeline'>['entries'][number]

/** Entries that are shown at first, and with each "older". */
export const pageSize = 20
/** The most that one question may ask for. */
const mostAtOnce = 200
/** Pauses between two questions while things keep happening, in milliseconds. */
const refreshMs = 2000

/** The newest `wanted` entries that fit, in as many questions as it takes; `more`: there are older ones. */
export async function readTimeline(
  bridge: Pick<Bridge, 'call'>,
  filter: TimelineFilter,
  wanted: number,
): Promise<{ entries: TimelineEntry[]; more: boolean }> {
  const entries: TimelineEntry[] = []
  let before: CommandInput<'timeline'>['before'] = null
  for (;;) {
    const most = Math.min(mostAtOnce, wanted - entries.length)
    const page: CommandOutput<'timeline'> = await bridge.call('timeline', {
      ...filter,
      kinds: null,
      lasts: null,
      before,
      most,
    })
    entries.push(...page.entries)
    if (page.next === null) return { entries, more: false }
    if (entries.length >= wanted || page.entries.length === 0) return { entries, more: true }
    before = page.next
  }
}

export interface ShownTimeline {
  /** Newest first; null until the first answer. What was answered stays while another question is on its way. */
  entries: readonly TimelineEntry[] | null
  /** Why the last question failed; null when it did not. */
  failure: Message | null
  /** Shows some more; null: there are none. */
  older: (() => void) | null
}

/** The past and what lasts. `version` is anything that changes when something happened: it is then asked for again. */
export function useTimeline(filter: TimelineFilter, version: string): ShownTimeline {
  const bridge = useBridge()
  const [shown, setShown] = useState<{ entries: TimelineEntry[]; more: boolean } | null>(null)
  const [failure, setFailure] = useState<Message | null>(null)
  const [wanted, setWanted] = useState(pageSize)
  const question = JSON.stringify(filter)
  const [asking, setAsking] = useState(question)
  if (asking !== question) {
    setAsking(question)
    setWanted(pageSize)
  }
  const asked = useRef({ wish: '', at: 0 })
  const current = useRef('')

  // biome-ignore lint/correctness/useExhaustiveDependencies: another version is what asks again.
  useEffect(() => {
    const wish = `${wanted} ${question}`
    current.current = wish
    const ask = async (): Promise<number | null> => {
      asked.current = { wish, at: Date.now() }
      // An answer to an older version is still shown; one to another question is not.
      const isWanted = () => current.current === wish
      try {
        const answer = await readTimeline(bridge, JSON.parse(question), wanted)
        if (!isWanted()) return null
        setShown(answer)
        setFailure(null)
        return null
      } catch (thrown) {
        if (isWanted()) setFailure(sentenceOfThrown(thrown))
        return retryMs
      }
    }
    const isNew = asked.current.wish !== wish
    return askAgain(ask, isNew ? 0 : Math.max(0, asked.current.at + refreshMs - Date.now()))
  }, [bridge, question, wanted, version])

  return {
    entries: shown?.entries ?? null,
    failure,
    older: shown?.more === true ? () => setWanted(shown.entries.length + pageSize) : null,
  }
}
