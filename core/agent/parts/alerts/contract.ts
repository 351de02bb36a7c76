import { z } from 'zod'
import { channelTypes } from '../../../alerts/channels/catalog.ts'
import { testedSchema, timelinePageSchema, timelineQuestionSchema } from '../../../alerts/incident.ts'
import { EVERYTHING } from '../../../alerts/kinds.ts'
import { channelSchema, LONGEST_TEMPLATE } from '../../../alerts/settings.ts'
import { evidenceSchema } from '../../../check/evidence/evidence-messages.ts'
import { LONGEST_PAUSE_MINUTES } from '../../../settings/bounds.ts'
import { givenSecretsSchema } from '../../../settings/destination-schema.ts'
import { defineAction, defineQuery, defineTrial } from '../../answering.ts'
import { idInput } from '../../inputs.ts'

export const alertsContract = {
  /** Stops notifications of an incident until it ends. */
  acknowledge: defineAction(idInput),
  /** Delays further notifications of an incident for some minutes; null: ends the snooze. */
  snooze: defineAction(
    z.object({ id: z.string(), minutes: z.number().positive().max(LONGEST_PAUSE_MINUTES).nullable() }),
  ),
  /**
   * Suppresses notifications of a source, a checked path, a destination or a disk until then (milliseconds since 1970),
   * or until unmuted (null); EVERYTHING needs an end.
   */
  mute: defineAction(
    z
      .object({ id: z.string(), until: z.number().nullable() })
      .refine(({ id, until }) => id !== EVERYTHING || until !== null, { path: ['until'] }),
  ),
  unmute: defineAction(idInput),
  /** `channel.id`: must be new. Secrets are stored separately. */
  addChannel: defineAction(z.object({ channel: channelSchema, secrets: givenSecretsSchema })),
  /** Replaces the channel with that id. */
  changeChannel: defineAction(z.object({ channel: channelSchema, secrets: givenSecretsSchema })),
  removeChannel: defineAction(idInput),
  /** Sets the order of all channels, by their ids. */
  orderChannels: defineAction(z.object({ ids: z.array(z.string()) })),
  /** Sends a test message through a channel as a real one is sent. Returns the reply or the error as text. */
  testChannel: defineTrial({ input: idInput, output: testedSchema }),
  /** As testChannel, for a channel that is not added. Refuses what addChannel would refuse. */
  tryChannel: defineTrial({
    input: z.object({ channel: channelSchema, secrets: givenSecretsSchema }),
    output: testedSchema,
  }),
  /** Renders an example notification with a template; null: with the default template of the channel's type. */
  previewTemplate: defineTrial({
    input: z.object({
      type: z.enum(channelTypes),
      template: z.string().max(LONGEST_TEMPLATE).nullable(),
    }),
    output: z.object({ text: z.string() }),
  }),
  timeline: defineQuery({ input: timelineQuestionSchema, output: timelinePageSchema }),
  /** Returns what the system reported about an incident; null: nothing was recorded. */
  evidence: defineQuery({
    input: z.object({ id: z.string().max(100) }),
    output: z.object({ evidence: evidenceSchema.nullable() }),
  }),
} as const
