import type { Agent } from '../../agent.ts'
import { type HandlersOf, runAction } from '../../answering.ts'
import type { noticesContract } from './contract.ts'

type Services = Pick<Agent, 'notices'>

/** Returns the handlers of this part's commands. A refusal is thrown as a UserError. */
export function noticesHandlers({ notices }: Services) {
  return {
    dismissNotice: ({ id }) => runAction(() => notices.dismiss(id)),
  } satisfies HandlersOf<typeof noticesContract>
}
