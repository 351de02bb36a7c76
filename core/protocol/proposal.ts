import { z } from 'zod'
import { messageSchema } from '../lib/i18n/message-schema.ts'
import { LONGEST_SENTENCE, MAX_PROPOSAL_BYTES } from './limits.ts'

// Settings that a receiver proposes to a sender, as both ends keep them. A file of its own without Node's modules,
// because the window's schemas include it.

/** Maximum of settings that a list of senders names. */
export const MOST_PROPOSED_NAMES = 20

export const proposalSchema = z.object({
  /** Never used again. */
  id: z.string().regex(/^[0-9a-f]{1,64}$/),
  /** The person who made it; one line. */
  by: z
    .string()
    .max(200)
    .regex(/^\P{Cc}*$/u),
  /** JSON; the sender checks it with its own schema. */
  text: z.string().max(MAX_PROPOSAL_BYTES),
})
export type Proposal = z.infer<typeof proposalSchema>

/** The last proposal to a sender, as its receiver keeps it. Times in milliseconds since 1970. */
export const keptProposalSchema = proposalSchema.extend({
  at: z.number(),
  /** Names of the proposed settings, at most MOST_PROPOSED_NAMES. */
  settings: z.array(z.string().max(300)),
  state: z.enum(['waiting', 'accepted', 'declined']),
  decidedAt: z.number().nullable(),
  /** The sender's reason in English, and as a message if it has supplied one; null: none. */
  sentence: z.string().max(LONGEST_SENTENCE).nullable(),
  words: messageSchema.nullable(),
})
export type KeptProposal = z.infer<typeof keptProposalSchema>
