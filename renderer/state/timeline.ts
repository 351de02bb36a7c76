import { useState } from 'react'
import type { Bridge, CommandInput, CommandOutput } from '../../core/agent/contract.ts'
import type { Message } from '../../core/lib/i18n/message.ts'
import { useAnswer } from './answer.ts'
import { useBridge } from './bridge.tsx'

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
