import { useState } from 'react'
import type { Message } from '../../core/lib/i18n/message.ts'
import { useAnswer } from './answer.ts'

/** Number of entries shown at first, and added by each "older". */
const pageSize = 20
/** Maximum number of entries of a request. */
const mostAtOnce = 200

/** Requests a page of entries that begins after `before`; null: at the newest. */
type AskPage<Entry, Place> = (
  before: Place | null,
  most: number,
) => Promise<{ entries: Entry[]; next: Place | null }>

/** Loads the newest `wanted` entries with as many requests as needed; `more`: there are older ones. */
export async function readPages<Entry, Place>(
  ask: AskPage<Entry, Place>,
  wanted: number,
): Promise<{ entries: Entry[]; more: boolean }> {
  const entries: Entry[] = []
  let before: Place | null = null
  for (;;) {
    const page: Awaited<ReturnType<typeof ask>> = await ask(
      before,
      Math.min(mostAtOnce, wanted - entries.length),
    )
    entries.push(...page.entries)
    if (page.next === null) return { entries, more: false }
    if (entries.length >= wanted || page.entries.length === 0) return { entries, more: true }
    before = page.next
  }
}

export interface ShownPages<Entry> {
  /** Newest first; null until the first answer. The last answer stays while the next one is loading. */
  entries: readonly Entry[] | null
  /** Why the last request failed; null if it did not. */
  failure: Message | null
  /** Shows more entries; null if there are none. */
  older: (() => void) | null
}

/** Returns the newest entries. `filter` identifies the question; `refresh`: when it is asked again. */
export function usePages<Entry, Place>(
  filter: string,
  refresh: { version?: string; refreshMs?: number; everyMs?: number },
  ask: AskPage<Entry, Place>,
): ShownPages<Entry> {
  const [wanted, setWanted] = useState(pageSize)
  const [asking, setAsking] = useState(filter)
  if (asking !== filter) {
    setAsking(filter)
    setWanted(pageSize)
  }
  const { value, failure } = useAnswer({
    question: `${wanted} ${filter}`,
    ...refresh,
    ask: () => readPages(ask, wanted),
  })
  return {
    entries: value?.entries ?? null,
    failure,
    older: value?.more === true ? () => setWanted(value.entries.length + pageSize) : null,
  }
}
