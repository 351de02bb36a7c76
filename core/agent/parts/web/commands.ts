import { createToken, withoutToken } from '../../../settings/web-tokens.ts'
import type { HandlersOf } from '../../answering.ts'
import { type SettingsContext, setterFor } from '../../settings-context.ts'
import type { webContract } from './contract.ts'

/** Returns the handlers of this part's commands. A refusal is thrown as a UserError. */
export function webHandlers(context: SettingsContext) {
  const set = setterFor(context)
  return {
    createPageLink: () => context.createLink(),
    addWebToken: async (input) => {
      const { settings, token } = createToken(context.settings.get(), input, Date.now())
      context.change(() => settings)
      return { token }
    },
    removeWebToken: ({ id }) => set((settings) => withoutToken(settings, id)),
  } satisfies HandlersOf<typeof webContract>
}
