import type { Agent } from '../../agent.ts'
import type { HandlersOf } from '../../answering.ts'
import type { expectedContract } from './contract.ts'

type Services = Pick<Agent, 'scanner'>

/** Returns the handlers of this part's commands. A refusal is thrown as a UserError. */
export function expectedHandlers({ scanner }: Services) {
  return {
    expected: ({ id, ...time }) => scanner.request('expected', { source: id, ...time }),
    previewExpected: ({ id, ...draft }) => scanner.request('previewExpected', { source: id, ...draft }),
  } satisfies HandlersOf<typeof expectedContract>
}
