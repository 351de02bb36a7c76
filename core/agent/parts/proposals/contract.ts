import { z } from 'zod'
import { receiverDefinition } from '../../../receive/receiver-messages.ts'
import { defineAction, defineQuery, nothing } from '../../answering.ts'
import { destinationId, idInput } from '../../inputs.ts'
import { proposalStateSchema } from '../../state/schema.ts'

/** The ids of a destination and of the proposal that was seen: a newer one must not be accepted unseen. */
const proposalInput = z.object({ destination: destinationId, proposal: z.string() })

export const proposalsContract = {
  /** Proposes settings to computers that send here. Each decides itself, and the list of senders shows the decision. */
  proposeSettings: defineAction(receiverDefinition.requests.proposeSettings.input.omit({ by: true })),
  withdrawProposals: defineAction(receiverDefinition.requests.withdrawProposals.input),
  /** Returns the last proposal of settings by each destination. */
  proposals: defineQuery({ input: nothing, output: z.object({ proposals: z.array(proposalStateSchema) }) }),
  acceptProposal: defineAction(proposalInput),
  declineProposal: defineAction(proposalInput),
  /** Sets whether the settings that a receiver proposes are accepted without a question. */
  setAcceptProposals: defineAction(idInput.extend({ accept: z.boolean() })),
} as const
