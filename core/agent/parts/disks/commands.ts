import { listAcceptable } from '../../../check/health/disk-health.ts'
import { UserError } from '../../../lib/i18n/user-error.ts'
import { withAcceptedDisk } from '../../../settings/changes.ts'
import type { Agent } from '../../agent.ts'
import { type HandlersOf, runAction } from '../../answering.ts'
import type { SettingsContext } from '../../settings-context.ts'
import type { disksContract } from './contract.ts'

type Services = Pick<Agent, 'store'>

/** Returns the handlers of this part's commands. A refusal is thrown as a UserError. */
export function disksHandlers(agent: Services, context: SettingsContext) {
  return {
    acceptDisk: ({ id }) => runAction(() => acceptDisk(agent, context, id)),
  } satisfies HandlersOf<typeof disksContract>
}

/** @throws UserError disk.noDisk, disk.notAcceptable */
function acceptDisk({ store: { state } }: Services, context: SettingsContext, wanted: string): void {
  const facts = state.disks.all.find(({ id, name }) => id === wanted || name === wanted)
  if (facts === undefined) throw new UserError('disk.noDisk', { name: wanted })
  const counters = listAcceptable(facts, state.settings.acceptedDisks)
  if (Object.keys(counters).length === 0) throw new UserError('disk.notAcceptable', { name: facts.name })
  context.change((settings) => withAcceptedDisk(settings, facts.id, counters))
}
