import type { CommandInput, CommandOutput } from '../../core/agent/contract.ts'
import { type Answer, useAnswer } from './answer.ts'
import { useBridge } from './bridge.tsx'

type Filters = CommandInput<'previewFilters'>['filters']
export type FilterPreview = CommandOutput<'previewFilters'>

/** Returns what these filters would exclude from a source; null asks nothing. */
export function useFilterPreview(id: string, filters: Filters | null): Answer<FilterPreview> {
  const bridge = useBridge()
  return useAnswer({
    question: filters === null ? null : JSON.stringify([id, filters]),
    ask: async () => {
      if (filters === null) return null
      const preview = await bridge.call('previewFilters', { id, filters })
      // Superseded by the request of another window: an answer of null is asked for again.
      return preview.ended === 'superseded' ? null : preview
    },
    typingMs: 350,
  })
}
