import { useCallback } from 'react'
import type { CommandInput } from '../../../core/agent/contract.ts'
import { ignoreError } from '../../../core/dropped-errors.ts'
import { useBridge } from '../../state/bridge.tsx'
import { type Outcome, useCommands } from '../../state/commands.tsx'

export type Save = (changes: CommandInput<'changeSettings'>) => Promise<Outcome>

/** Saves changed settings; the caller shows the result at the edited field. */
export function useSave(): Save {
  const { ask } = useCommands()
  return useCallback((changes) => ask('changeSettings', changes), [ask])
}

/**
 * As `useSave`, but resolves after the window's state includes the change, so that a further change can be based on it:
 * the agent sends pending patches before it answers the snapshot request.
 */
export function useSaveAndHear(): Save {
  const save = useSave()
  const bridge = useBridge()
  return useCallback(
    async (changes) => {
      const outcome = await save(changes)
      await bridge.call('snapshot', {}).catch(ignoreError('the agent sends its state again'))
      return outcome
    },
    [save, bridge],
  )
}
