import type { Agent } from '../../agent.ts'
import type { HandlersOf } from '../../answering.ts'
import { toChangesPage } from '../../recording.ts'
import type { changesContract } from './contract.ts'

type Services = Pick<Agent, 'alerting'>

/** Returns the handlers of this part's commands. A refusal is thrown as a UserError. */
export function changesHandlers({ alerting }: Services) {
  return {
    changes: async (question) => toChangesPage(await alerting.notifier.changes(question)),
  } satisfies HandlersOf<typeof changesContract>
}
