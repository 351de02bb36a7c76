import { useState } from 'react'
import type { CommandInput, CommandOutput } from '../../core/agent/contract.ts'
import type { Message } from '../../core/lib/i18n/message.ts'
import { useAnswer } from './answer.ts'
import { useBridge } from './bridge.tsx'

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
 * the page is then asked for again. For another source, state or text, mount anew (key).
 */
export function useFiles({ source, state, text }: FilesQuery, version: string): FilesPage {
  const bridge = useBridge()
  /** The `before` of each page on the way here; the last one is the page that is shown. */
  const [trail, setTrail] = useState<(number | null)[]>([null])
  const before = trail.at(-1) ?? null
  const { value, failure } = useAnswer({
    question: JSON.stringify([source, state, text, before]),
    version,
    refreshMs,
    ask: async () => ({
      page: await bridge.call('files', { source, state, text, before, limit: pageSize }),
      before,
    }),
  })
  const page = value?.page ?? null
  const last = page?.files.at(-1)
  const turnOlder = (after: number) => {
    // What comes after a page that is still on its way only that page tells; its button keeps the focus meanwhile.
    if (value?.before === before) setTrail([...trail, after])
  }
  return {
    page,
    failure,
    newer: trail.length > 1 ? () => setTrail(trail.slice(0, -1)) : null,
    older: page?.more === true && last !== undefined ? () => turnOlder(last.id) : null,
  }
}
