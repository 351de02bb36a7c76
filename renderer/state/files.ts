import { useState } from 'react'
import type { CommandInput, CommandOutput } from '../../core/agent/contract.ts'
import type { Message } from '../../core/lib/i18n/message.ts'
import { useAnswer } from './answer.ts'
import { useBridge } from './bridge.tsx'

export type FilesQuery = Pick<CommandInput<'files'>, 'source' | 'state' | 'text'>
type FilesBefore = CommandInput<'files'>['before']
type Page = CommandOutput<'files'>

export interface FilesPage {
  /** null until the first answer. */
  page: Page | null
  /** Why the last request failed; null if it did not. */
  failure: Message | null
  newer: (() => void) | null
  older: (() => void) | null
}

const pageSize = 100
/** Minimum interval between two requests while the ledger keeps changing, in milliseconds. */
const refreshMs = 2000

/**
 * Returns one page of the ledger at a time, newest first. `version` changes whenever the ledger does: the page is then
 * loaded again. A new source, state or text needs a new mount (key).
 */
export function useFiles({ source, state, text }: FilesQuery, version: string): FilesPage {
  const bridge = useBridge()
  /** The `before` of each page up to the one that is shown, which is the last. */
  const [trail, setTrail] = useState<FilesBefore[]>([null])
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
  const older = page?.older ?? null
  const turnOlder = (place: FilesBefore) => {
    // The next page is known only after this one is loaded; the button stays enabled meanwhile, to keep the focus.
    if (value?.before === before) setTrail([...trail, place])
  }
  return {
    page,
    failure,
    newer: trail.length > 1 ? () => setTrail(trail.slice(0, -1)) : null,
    older: older === null ? null : () => turnOlder(older),
  }
}
