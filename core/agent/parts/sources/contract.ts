import { z } from 'zod'
import { messageSchema } from '../../../lib/i18n/message-schema.ts'
import { examinedSchema, markedAnswers, previewSchema } from '../../../scan/scanner-messages.ts'
import { senderDefinition } from '../../../send/sender-messages.ts'
import { absolutePathSchema } from '../../../settings/destination-schema.ts'
import {
  batchSettingsSchema,
  MOST_DESTINATIONS,
  sourceFiltersSchema,
  sourceSchema,
} from '../../../settings/schema.ts'
import { defineAction, defineQuery, defineTrial } from '../../answering.ts'
import { idInput, withoutDefaults } from '../../inputs.ts'

const sourceFields = withoutDefaults(sourceSchema.shape)
/** An empty mark is accepted here, because it is refused later with a sentence. */
const mark = z.string().max(255)
const batch = withoutDefaults(batchSettingsSchema.shape).extend({ closedMark: mark, sentMark: mark })

/** A source's filters, without defaults. */
const givenFiltersSchema = withoutDefaults(sourceFiltersSchema.shape)

/** The fields of a source that a preview evaluates. */
const previewedFiltersSchema = givenFiltersSchema.extend(sourceFields.pick({ oneFileSystem: true }).shape)

/** The fields of a source that a view may change. A source's folder at a destination keeps its first name. */
const changeableSourceSchema = previewedFiltersSchema
  .extend(sourceFields.pick({ name: true, paused: true, destinations: true }).shape)
  .extend(
    sourceFields.pick({ priority: true, deleteAfter: true, silentHours: true, expected: true, digests: true })
      .shape,
  )
  .extend({ batch: batch.partial() })
  .partial()

/** An absolute path without detours. A viewer of the web page may ask, and ".." would lead out of the protected folders. */
const plainPathSchema = absolutePathSchema.refine((path) => {
  const rest = path.replace(/^(\/|[A-Za-z]:[\\/]|\\\\)/, '')
  const parts = rest.split(path.startsWith('/') ? '/' : /[\\/]/)
  return rest === '' || parts.every((part) => !['', '.', '..'].includes(part))
}, 'must not contain ".", ".." or an empty part')

const verdicts = [
  'safe',
  'copied',
  'waiting',
  'parked',
  'left-out',
  'gone',
  'nowhere',
  'folder',
  'outside',
  'unknown',
] as const

const placeSchema = z.object({
  /** The destination's id. */
  destination: z.string(),
  name: z.string(),
  /**
   * durable: it has this version; older: only an earlier one; waiting: the file is on its way or waits; parked: sending
   * was given up; none: it does not have the file.
   */
  state: z.enum(['durable', 'older', 'waiting', 'parked', 'none']),
  /** Since when it has this version or, of an older one, that one: milliseconds since 1970; null: it has none. */
  since: z.number().nullable(),
  sentence: messageSchema,
  /** The reason why the file waits, or why sending was given up; null: neither. */
  detail: messageSchema.nullable(),
})
export type ExplainedPlace = z.infer<typeof placeSchema>

const stepSchema = z.object({
  sentence: messageSchema,
  /** Can be copied into a terminal. */
  command: z.string(),
  /** The id of the folder or destination, the key of the setting, or the path that it concerns; '': it has none. */
  about: z.string(),
})
export type ExplanationStep = z.infer<typeof stepSchema>

/** Where a file is, why it is not elsewhere, and which commands would change that. */
export const explanationSchema = z.object({
  path: z.string(),
  /** The protected folder, and the path in it; null: it is in none. */
  folder: z.object({ id: z.string(), name: z.string(), file: z.string() }).nullable(),
  /**
   * safe: every destination has this version, one of them on another computer; copied: all are on this computer; gone:
   * it is no longer here, but at a destination; nowhere: neither here nor there; folder: see `below`.
   */
  verdict: z.enum(verdicts),
  sentence: messageSchema,
  details: z.array(messageSchema),
  places: z.array(placeSchema),
  /** The files below a directory. */
  below: examinedSchema.shape.below,
  steps: z.array(stepSchema),
})
export type Explanation = z.infer<typeof explanationSchema>

export const sourcesContract = {
  /** Adds a source. kind: batch sources check child directories for marks (isocket). */
  addSource: defineAction(
    z.object({
      path: z.string(),
      kind: z.enum(['continuous', 'batch']).optional(),
      prefix: z.string().max(255).optional(),
      /** The filters and options to set; the others keep their defaults. */
      ...givenFiltersSchema.partial().shape,
      ...sourceFields.pick({ priority: true, deleteAfter: true, silentHours: true, digests: true }).partial()
        .shape,
      /** Excludes the contents of other file systems that are mounted inside. */
      oneFileSystem: z.boolean().optional(),
      /** Names or ids of the destinations for its files; default: all. */
      to: z.array(z.string()).min(1).max(MOST_DESTINATIONS).optional(),
    }),
  ),
  /** Stops watching. Files at both ends stay. */
  removeSource: defineAction(idInput),
  /** Points the source at its new directory. The files there are compared, and only differences are sent. */
  moveSource: defineAction(z.object({ id: z.string(), path: z.string() })),
  /**
   * Follows a link that was given for a source or a checked path and now points to another place. The new place replaces
   * the path. `stay`: the path stays instead, and the link is forgotten.
   */
  followLink: defineAction(z.object({ id: z.string(), stay: z.boolean() })),
  /**
   * Changes a source's filters, destinations, name and pause, and whether its files are deleted here after sending.
   * Queued files that the filters now exclude are not sent.
   */
  changeSource: defineAction(z.object({ id: z.string(), changes: changeableSourceSchema })),
  /** Lists what these filters would exclude from a source, within ten seconds. A newer preview cancels this one. */
  previewFilters: defineTrial({
    input: z.object({ id: z.string(), filters: previewedFiltersSchema }),
    output: previewSchema,
  }),
  /** Retries files whose sending was given up. */
  retryParked: defineAction(
    /** id: of a source; null: of all. file: only this row of the ledger. */
    z.object({ id: z.string().nullable(), file: z.number().int().optional() }),
  ),
  /** Sends a source that is held, because many of its files have lost their content, in its current state. */
  sendAsItIs: defineAction(idInput),
  /** Ends the incident that many files of a source were deleted: it was intended. The counts stay. */
  acceptDeleted: defineAction(idInput),
  /**
   * Decides about the files of a batch source that carry isocket's mark but were not sent by Holdfast. confirm: they
   * are at the destinations and count as sent; send: they are sent.
   */
  answerMarked: defineAction(idInput.extend({ answer: z.enum(markedAnswers) })),
  /** Restores the sent versions of those files. The source resumes automatically once they are restored. */
  bringBack: defineAction(idInput),
  /** Explains where a file is. */
  explainFile: defineQuery({
    input: z.object({
      path: plainPathSchema,
      /** The path is that of a directory: only asked if it is in no protected folder. */
      isDirectory: z.boolean().optional(),
    }),
    output: explanationSchema,
  }),
  /** Returns a page of the ledger, newest first, of one destination or of all. */
  files: defineQuery({
    input: senderDefinition.requests.files.input
      .omit({ destinations: true })
      .extend({ destination: z.string().optional() }),
    output: senderDefinition.requests.files.output,
  }),
} as const
