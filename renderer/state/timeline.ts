import { useState } from 'react'
import type { Bridge, CommandInput, CommandOutput } from '../../core/agent/contract.ts'
import type { Message } from '../../core/lib/i18n/message.ts'
import { useAnswer } from './answer.ts'
import { useBridge } from './bridge.tsx'

export type TimelineFilter = Pick<CommandInput<'timeline'>, 'severity' | 'source' | 'text'>
export type TimelineEntry = CommandOutput<'timeline'>['entries'][number]

/** Number of entries shown at first, and added by each "older". */
export const pageSize = 20
/** Maximum number of entries of a request. */
const mostAtOnce = 200
/** Minimum interval between two requests while events keep occurring, in milliseconds. */
const refreshMs = 2000

/** Loads the newest `wanted` matching entries with as many requests as needed; `more`: there are older ones. */
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
  /** Newest first; null until the first answer. The last answer stays while the next one is loading. */
  entries: readonly TimelineEntry[] | null
  /** Why the last request failed; null if it did not. */
  failure: Message | null
  /** Shows more entries; null if there are none. */
  older: (() => void) | null
}

/** Returns past and ongoing incidents. `version` changes with each event: they are then loaded again. */
export function useTimeline(filter: TimelineFilter, version: string): ShownTimeline {
  const bridge = useBridge()
  const [wanted, setWanted] = useState(pageSize)
  const filters = JSON.stringify(filter)
  const [asking, setAsking] = useState(filters)
  if (asking !== filters) {
    setAsking(filters)
    setWanted(pageSize)
  }
  const { value, failure } = useAnswer({
    question: `${wanted} ${filters}`,
    version,
    refreshMs,
    ask: () => readTimeline(bridge, filter, wanted),
  })
  return {
    entries: value?.entries ?? null,
    failure,
    older: value?.more === true ? () => setWanted(value.entries.length + pageSize) : null,
  }
}
