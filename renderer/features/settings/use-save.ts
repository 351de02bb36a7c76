import { useCallback } from 'react'
import type { CommandInput, Outcome } from '../../../core/agent/contract.ts'
import { useCommands } from '../../state/commands.tsx'

export type Save = (changes: CommandInput<'changeSettings'>) => Promise<Outcome>

/** Sends a change of settings; the answer is shown at the field that was changed. */
export function useSave(): Save {
  const { ask } = useCommands()
  return useCallback((changes) => ask('changeSettings', changes), [ask])
}
