import { UserError } from '../../../lib/i18n/user-error.ts'
import { getDestination, withSamples } from '../../../settings/destinations.ts'
import type { Agent } from '../../agent.ts'
import { type HandlersOf, runAction } from '../../answering.ts'
import { type SettingsContext, setterFor } from '../../settings-context.ts'
import { toProofLimits } from '../../workers/configs.ts'
import type { healingContract } from './contract.ts'

type Services = Pick<Agent, 'healing' | 'senders' | 'settings'>

/** Returns the handlers of this part's commands. A refusal is thrown as a UserError. */
export function healingHandlers(agent: Services, context: SettingsContext) {
  return {
    setSamples: ({ id, samples }) => setterFor(context)((settings) => withSamples(settings, id, samples)),
    heal: ({ id, identity }) => runAction(() => agent.healing.start(id, identity ?? null)),
    prove: ({ id }) => runAction(() => prove(agent, id)),
  } satisfies HandlersOf<typeof healingContract>
}

/** @throws UserError refuse.noSuchDestination, prove.notConnected */
async function prove({ settings, senders }: Services, id: string): Promise<void> {
  const destination = getDestination(settings.get().destinations, id)
  const { samples: _, ...usual } = destination
  // A person may ask where no samples are taken by themselves.
  const limits = toProofLimits(destination.samples?.filesPerDay === 0 ? usual : destination)
  const { started } = await senders.requestOf(id, 'prove', limits)
  if (!started) throw new UserError('prove.notConnected', { name: destination.name })
}
