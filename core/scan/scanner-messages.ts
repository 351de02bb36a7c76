import { z } from 'zod'
import { messageSchema } from '../lib/i18n/message-schema.ts'
import type { WorkerDefinition } from '../lib/workers/definition.ts'
import { sourceSchema } from '../settings/schema.ts'

export const markedAnswers = ['confirm', 'send'] as const
export type MarkedAnswer = (typeof markedAnswers)[number]

export const batchPhases = ['waiting', 'live', 'closing', 'sent', 'not-closed'] as const

export const scannedSchema = z.object({
  id: z.string(),
  phase: z.enum(['starting', 'listing', 'watching', 'polling', 'paused', 'missing', 'failed']),
  /** All of it has been compared with the ledger since it was found; left out: not yet. Until then nothing is known to be safe. */
  compared: z.boolean().optional(),
  /** Files that were left out because they cannot be sent, and why; at most 20, newest last. */
  problems: z.array(messageSchema),
  /** Many files have lost their content: nothing of the source is sent before a person decides. null: no. */
  held: z
    .object({ since: z.number(), lost: z.number(), changed: z.number(), known: z.number() })
    .nullable()
    .optional(),
  /**
   * Files that programs have open for writing, as far as the system shows it: they are sent when they are closed. `since`:
   * milliseconds since 1970, of the first one, `path`, relative to the source. null: none.
   */
  open: z.object({ files: z.number(), since: z.number(), path: z.string() }).nullable().optional(),
  /**
   * Files of a batch source that carry isocket's mark, and that Holdfast has not sent: their directories are not marked as
   * sent before a person has decided. `directories`: at most 5 of those that have such files, newest last; null: no file.
   */
  marked: z
    .object({ files: z.number(), directories: z.array(z.string()) })
    .nullable()
    .optional(),
  /**
   * Batch directories, newest last; at most 20, those without a mark before those that have one. waiting: files on their way, not the newest;
   * live: watched; closing: closed by the producer, files on their way; sent: marked; not-closed: marked as
   * sent but never closed by the producer.
   */
  batches: z.array(z.object({ name: z.string(), phase: z.enum(batchPhases), waiting: z.number() })),
})
export type Scanned = z.infer<typeof scannedSchema>

export const leftOutReasons = [
  'ignored',
  'hidden',
  'too-small',
  'too-large',
  'too-young',
  'temporary',
  'mark',
  'not-batch',
  'not-a-file',
  'mounted',
  'unreadable',
] as const
export type LeftOutReason = (typeof leftOutReasons)[number]

const sumSchema = { files: z.number(), bytes: z.number() }
const ruleSchema = {
  reason: z.enum(leftOutReasons),
  /** The gitignore pattern that matched; null for the other reasons. */
  pattern: z.string().nullable(),
}

/** What a source's filters would leave out. */
export const previewSchema = z.object({
  /** complete: all was looked at; time: there was more, so all counts mean "at least"; superseded: a newer one came. */
  ended: z.enum(['complete', 'time', 'superseded']),
  /** Files that no rule leaves out, sent or not. */
  kept: z.object(sumSchema),
  /** By rule, the one with the most files first; of patterns also those that leave nothing out. too-young: they wait, and go later. */
  leftOut: z.array(z.object({ ...ruleSchema, ...sumSchema })),
  /** The first ones that are left out, as many as were asked for. */
  examples: z.array(z.object({ path: z.string(), size: z.number(), ...ruleSchema })),
})
export type Preview = z.infer<typeof previewSchema>

/** Files that can be brought back together. */
export const MOST_LOST = 100_000

export const scannerDefinition = {
  name: 'scanner' as const,
  config: z.object({
    sources: z.array(sourceSchema),
    ledgerPath: z.string(),
    /** Ids of the destinations of those sources that name none. */
    destinations: z.array(z.string()).min(1),
    reconcileSeconds: z.number(),
    quietSeconds: z.number(),
  }),
  /** Only the sources that changed. At most one report in 250 ms. */
  report: z.object({ scanned: z.array(scannedSchema) }),
  requests: {
    /** Compares these sources with the ledger now; left out: every one. */
    reconcile: { input: z.object({ sources: z.array(z.string()).optional() }), output: z.object({}) },
    /** A person wants the files of a source that is held sent as they are. */
    release: { input: z.object({ source: z.string() }), output: z.object({}) },
    /** Of a source that is held the files that have lost their content; at most MOST_LOST. */
    lost: { input: z.object({ source: z.string() }), output: z.object({ paths: z.array(z.string()) }) },
    /**
     * A person has decided about the files of a source that carry isocket's mark. confirm: they are at the destinations;
     * send: they are not.
     */
    answerMarked: {
      input: z.object({ source: z.string(), answer: z.enum(markedAnswers) }),
      output: z.object({}),
    },
    /** What a source with these settings would leave out; it need not be configured. Within some ten seconds. */
    preview: {
      input: z.object({ source: sourceSchema, examples: z.number().int().min(0).max(100) }),
      output: previewSchema,
    },
  },
} satisfies WorkerDefinition
