import { z } from 'zod'
import { testedSchema } from '../../../alerts/incident.ts'
import { cloudEventSchema } from '../../../events/cloud-event.ts'
import { givenSecretsSchema } from '../../../settings/destination-schema.ts'
import { eventSinkSchema, eventTypes } from '../../../settings/event-sinks.ts'
import { defineAction, defineQuery, defineTrial } from '../../answering.ts'
import { idInput } from '../../inputs.ts'

export const eventsContract = {
  /**
   * Returns events behind a place, oldest first, as CloudEvents; see core/events. since: the cursor of an event or a page,
   * "now", or null: from the beginning. Reads at most `limit` events; some of them may not be wanted.
   */
  events: defineQuery({
    input: z.object({
      since: z.string().max(100).nullable().default(null),
      limit: z.number().int().min(1).max(1_000).default(200),
      types: z.array(z.enum(eventTypes)).min(1).nullable().default(null),
      /** Ids of sources, besides events without a source. */
      sources: z.array(z.string()).max(1_000).nullable().default(null),
    }),
    output: z.object({ events: z.array(cloudEventSchema), cursor: z.string(), more: z.boolean() }),
  }),
  /** Adds a sink of events. Commands are refused: only the settings file has them. Secrets are stored separately. */
  addEventSink: defineAction(z.object({ sink: eventSinkSchema, secrets: givenSecretsSchema })),
  /** Switches a sink on or off. It continues at its place. */
  switchEventSink: defineAction(z.object({ id: z.string(), on: z.boolean() })),
  /** Removes a sink, its secrets and its place. */
  removeEventSink: defineAction(idInput),
  /** Sends a test event to a sink, without a retry. */
  testEventSink: defineTrial({ input: idInput, output: testedSchema }),
} as const
