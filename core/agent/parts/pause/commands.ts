import { withPause } from '../../../settings/changes.ts'
import type { HandlersOf } from '../../answering.ts'
import { type SettingsContext, setterFor } from '../../settings-context.ts'
import type { pauseContract } from './contract.ts'

/** Returns the handlers of this part's commands. A refusal is thrown as a UserError. */
export function pauseHandlers(context: SettingsContext) {
  const set = setterFor(context)
  return {
    pause: ({ minutes }) => set((settings) => withPause(settings, minutes, Date.now())),
    resume: () => set((settings) => ({ ...settings, pause: null })),
  } satisfies HandlersOf<typeof pauseContract>
}
