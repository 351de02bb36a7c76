import type { Agent } from '../../agent.ts'
import type { HandlersOf } from '../../answering.ts'
import type { reportContract } from './contract.ts'

type Services = Pick<Agent, 'reports'>

/** Returns the handlers of this part's commands. A refusal is thrown as a UserError. */
export function reportHandlers({ reports }: Services) {
  return {
    report: (input) => reports.answer(input),
  } satisfies HandlersOf<typeof reportContract>
}
