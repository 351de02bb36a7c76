import type { Agent } from '../../agent.ts'
import type { HandlersOf } from '../../answering.ts'
import { logLines } from '../diagnostics/log-lines.ts'
import type { diagnosticsContract } from './contract.ts'

type Services = Pick<Agent, 'layout'>

/** Returns the handlers of this part's commands. A refusal is thrown as a UserError. */
export function diagnosticsHandlers({ layout }: Services) {
  return {
    log: async () => ({ lines: await logLines(layout.logs) }),
  } satisfies HandlersOf<typeof diagnosticsContract>
}
