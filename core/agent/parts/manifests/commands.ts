import type { Agent } from '../../agent.ts'
import type { HandlersOf } from '../../answering.ts'
import type { manifestsContract } from './contract.ts'

type Services = Pick<Agent, 'manifests'>

/** Returns the handlers of this part's commands. A refusal is thrown as a UserError. */
export function manifestsHandlers({ manifests }: Services) {
  return {
    manifest: (input) => manifests.answer(input),
  } satisfies HandlersOf<typeof manifestsContract>
}
