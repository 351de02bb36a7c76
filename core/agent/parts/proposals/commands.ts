import { withAcceptProposals } from '../../../settings/destinations.ts'
import { applyProposal, describeProposal, parseProposal } from '../../../settings/proposal.ts'
import type { Agent } from '../../agent.ts'
import { type HandlersOf, runAction } from '../../answering.ts'
import { getActorName } from '../../recording.ts'
import { type SettingsContext, setterFor } from '../../settings-context.ts'
import { describeMissing } from '../proposals/proposals.ts'
import type { proposalsContract } from './contract.ts'

/** Returns the handlers of this part's commands. A refusal is thrown as a UserError. */
export function proposalsHandlers({ receiver }: Pick<Agent, 'receiver'>, context: SettingsContext) {
  const { proposals, settings } = context
  return {
    proposals: async () => ({ proposals: proposals.list(settings.get()) }),
    acceptProposal: ({ destination, proposal }) =>
      runAction(async () => {
        const { id, text } = proposals.getWaiting(destination, proposal)
        const fragment = parseProposal(text)
        const { missing } = describeProposal(settings.get(), fragment, destination)
        context.change((before) => applyProposal(before, fragment, destination))
        const sentence = describeMissing(missing)
        proposals.decide(destination, { id, accepted: true, sentence }, Date.now())
        await proposals.saved()
      }),
    declineProposal: ({ destination, proposal }) =>
      runAction(async () => {
        const { id } = proposals.getWaiting(destination, proposal)
        proposals.decide(destination, { id, accepted: false, sentence: null }, Date.now())
        await proposals.saved()
      }),
    setAcceptProposals: ({ id, accept }) =>
      setterFor(context)((before) => withAcceptProposals(before, id, accept)),
    proposeSettings: (input) =>
      runAction(() => receiver.request('proposeSettings', { ...input, by: getActorName() })),
    withdrawProposals: (input) => runAction(() => receiver.request('withdrawProposals', input)),
  } satisfies HandlersOf<typeof proposalsContract>
}
