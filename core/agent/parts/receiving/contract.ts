import { z } from 'zod'
import { receiverDefinition } from '../../../receive/receiver-messages.ts'
import { receiveSettingsSchema } from '../../../settings/schema.ts'
import { defineAction, defineChange, defineQuery, defineTrial, nothing } from '../../answering.ts'
import { withoutDefaults } from '../../inputs.ts'

const receive = withoutDefaults(receiveSettingsSchema.shape)
const givenReceiveSchema = receive.partial().required({ directory: true })
export type GivenReceive = z.infer<typeof givenReceiveSchema>

export const receivingContract = {
  /** Lets other computers send here; null: stops it. Omitted fields and files already received stay. */
  setReceiving: defineAction(z.object({ receive: givenReceiveSchema.nullable() })),
  /** Creates a pairing code for a new sender, or for one that replaces another. By default it works once, for some minutes. */
  inviteSender: defineChange(receiverDefinition.requests.invite),
  readInvitation: defineTrial(receiverDefinition.requests.readInvitation),
  renameSender: defineAction(receiverDefinition.requests.renameSender.input),
  labelSender: defineAction(receiverDefinition.requests.labelSender.input),
  revokeSender: defineAction(receiverDefinition.requests.revokeSender.input),
  /** Returns a directory in the user's home for files of other computers. The directory is not created. */
  receiveDirectory: defineQuery({ input: nothing, output: z.object({ path: z.string() }) }),
} as const
