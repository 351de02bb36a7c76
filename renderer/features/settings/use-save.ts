import { useCallback } from 'react'
import type { CommandInput } from '../../../core/agent/contract.ts'
import { ignoreError } from '../../../core/dropped-errors.ts'
import { useBridge } from '../../state/bridge.tsx'
import { type Outcome, useCommands } from '../../state/commands.tsx'

export type Save = (changes: CommandInput<'changeSettings'>) => Promise<Outcome>

/** Sends a change of settings; the answer is shown at the field that was changed. */
export function useSave(): Save {
  const { ask } = useCommands()
  return useCallback((changes) => ask('changeSettings', changes), [ask])
}

/**
 * The same, answered when the window knows what was changed: another change may then be made of what it shows. The
 * agent sends what the window has not heard of yet before it answers with a snapshot.
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
