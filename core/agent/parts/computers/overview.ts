import { z } from 'zod'
import { messageSchema } from '../../../lib/i18n/message-schema.ts'
import { englishWords, joinSentences } from '../../../lib/i18n/words.ts'
import { countConditions, senderConditions } from '../../../receive/senders/fleet.ts'
import { judgeSenders } from '../../state/derived.ts'
import { type AppState, statusLevels } from '../../state/schema.ts'
import { buildOverviewFailures, buildOverviewStatus } from '../../state/status.ts'

// The overview is the part of this computer's state that other computers show. It is small, so that other versions of
// Holdfast can read it.

const LONGEST_TEXT = 2_000

/** Limit of the failures in an overview; the status has the number of all. */
const MOST_FAILURES = 10

const sentenceFields = {
  /** In English. */
  sentence: z.string().max(LONGEST_TEXT),
  /** The same message for translation into the reader's language. */
  words: messageSchema.nullable().catch(null),
}

/** As sent. A reader of another version ignores unknown fields and accepts unknown levels and sentences. */
export const overviewSchema = z.object({
  computer: z.string().max(200),
  version: z.string().max(100),
  level: z.enum(statusLevels).catch('attention'),
  ...sentenceFields,
  /** The critical failures, the gravest first, by the ids of what fails; null: an earlier version omits them. */
  failures: z
    .array(
      z.object({
        id: z.string().max(300),
        ...sentenceFields,
        /** The causes of a disk's failure, which the English sentence has, too. */
        causes: z.array(messageSchema).max(3).catch([]),
      }),
    )
    .max(MOST_FAILURES)
    .nullable()
    .catch(null),
  /** Numbers of the computers that send there, by condition; null: it does not receive. */
  senders: z.partialRecord(z.enum(senderConditions), z.number()).nullable().catch(null),
})
export type Overview = z.infer<typeof overviewSchema>

export function buildOverview(state: AppState, computer: string, now: number): Overview {
  const { level, sentence } = buildOverviewStatus(state, now)
  const { version, receiving } = state
  return {
    ...{ computer, version, level, sentence: englishWords(sentence), words: sentence },
    failures: buildOverviewFailures(state, now)
      .slice(0, MOST_FAILURES)
      .map(({ id, sentence: words, causes }) => ({
        ...{ id, words, causes },
        sentence: joinSentences([words, ...causes], englishWords),
      })),
    senders: receiving && Object.fromEntries(countConditions(receiving.senders, judgeSenders(state, now))),
  }
}
