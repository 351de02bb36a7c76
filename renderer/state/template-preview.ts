import type { CommandInput } from '../../core/agent/contract.ts'
import { type Answer, useAnswer } from './answer.ts'
import { useBridge } from './bridge.tsx'

/** Returns a notification rendered with a channel's template. */
export function useTemplatePreview({ type, template }: CommandInput<'previewTemplate'>): Answer<string> {
  const bridge = useBridge()
  return useAnswer({
    question: JSON.stringify([type, template]),
    ask: async () => (await bridge.call('previewTemplate', { type, template })).text,
    typingMs: 300,
  })
}
