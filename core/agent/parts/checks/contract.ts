import { z } from 'zod'
import {
  checkerDefinition,
  dayVerdictsSchema,
  historyAnswerSchema,
  historyQuestionSchema,
} from '../../../check/checker-messages.ts'
import { receiverDefinition } from '../../../receive/receiver-messages.ts'
import { absolutePathSchema } from '../../../settings/destination-schema.ts'
import { defineAction, defineQuery, defineTrial, nothing } from '../../answering.ts'
import { idInput } from '../../inputs.ts'

export const checksContract = {
  addCheckedPath: defineAction(z.object({ path: z.string() })),
  removeCheckedPath: defineAction(idInput),
  checkNow: defineTrial({ input: nothing, output: nothing }),
  /** Lists the directories in a directory of this computer, without hidden ones; null: in the home of the agent's user. */
  browse: defineTrial({
    input: z.object({ path: absolutePathSchema.nullable() }),
    output: z.object({
      path: z.string(),
      /** null: there is none above. */
      parent: z.string().nullable(),
      ...checkerDefinition.requests.list.output.shape,
    }),
  }),
  /** Returns delays and results of a source or a checked path over a period, at a resolution of at most `points`. */
  checkHistory: defineQuery({ input: historyQuestionSchema, output: historyAnswerSchema }),
  /**
   * Returns the last 24 hours, oldest first: the gravest verdict of each hour by source or checked path, and, since
   * Holdfast started, the files sent by source, and received by the folder of the sender.
   */
  day: defineQuery({
    input: nothing,
    output: z.object({
      verdicts: dayVerdictsSchema,
      sent: z.record(z.string(), z.array(z.number())),
      ...receiverDefinition.requests.day.output.shape,
    }),
  }),
} as const
