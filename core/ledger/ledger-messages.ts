import { z } from 'zod'
import { messageSchema } from '../lib/i18n/message-schema.ts'

/** States of a file in the ledger; the index in this list is the stored number. */
export const fileStates = ['waiting', 'sent', 'parked'] as const
export type FileState = (typeof fileStates)[number]

export const totalsSchema = z.object({
  waitingFiles: z.number(),
  waitingBytes: z.number(),
  /** Sent files that are at the source. */
  sentFiles: z.number(),
  sentBytes: z.number(),
  parkedFiles: z.number(),
  /** Sent files that Holdfast removed at the source, as its settings say. */
  removedFiles: z.number(),
  removedBytes: z.number(),
  /** Sent files that others deleted at the source. */
  deletedFiles: z.number(),
  deletedBytes: z.number(),
})
export type Totals = z.infer<typeof totalsSchema>

/** The totals of a source with no file. */
export const noTotals: Readonly<Totals> = {
  waitingFiles: 0,
  waitingBytes: 0,
  sentFiles: 0,
  sentBytes: 0,
  parkedFiles: 0,
  removedFiles: 0,
  removedBytes: 0,
  deletedFiles: 0,
  deletedBytes: 0,
}

/** Returns the number and the bytes of all files that were sent, wherever they are now. */
export const sumSent = (totals: Totals) => ({
  files: totals.sentFiles + totals.removedFiles + totals.deletedFiles,
  bytes: totals.sentBytes + totals.removedBytes + totals.deletedBytes,
})

/**
 * A place in a list of rows in the order of their times: at the row `id`, whose time is `at` (milliseconds since 1970,
 * `due_at` in database.ts).
 */
export const rowPlaceSchema = z.object({ at: z.number(), id: z.number() })
export type RowPlace = z.infer<typeof rowPlaceSchema>

export const fileSchema = z.object({
  id: z.number(),
  source: z.string(),
  /** The destination's id: a file with several destinations is listed once for each. */
  destination: z.string(),
  path: z.string(),
  size: z.number(),
  /** Milliseconds since 1970; null: unknown, since only some earlier content of this name was sent. */
  modifiedAt: z.number().nullable(),
  state: z.enum(fileStates),
  attempts: z.number(),
  sentAt: z.number().nullable(),
  /** When Holdfast removed it at the source, after it was sent; null: not removed by Holdfast. */
  removedAt: z.number().nullable(),
  /** Others deleted it at the source, after it was sent; omitted: not. */
  isDeleted: z.literal(true).optional(),
  /** Why it is parked, or why the last attempt failed. */
  reason: messageSchema.nullable(),
})
export type LedgerFile = z.infer<typeof fileSchema>

/** A file at one destination, as the ledger has it. */
export const pathRowSchema = fileSchema.extend({
  /** Since when the destination has this content or, if the file waits, an earlier one of its name; null: it has none. */
  since: z.number().nullable(),
})
export type PathRow = z.infer<typeof pathRowSchema>

/** A file, and the last of its destinations that stored it. */
export const namedFileSchema = z.object({
  source: z.string(),
  path: z.string(),
  destination: z.string(),
  /** Milliseconds since 1970; null: none has stored it. */
  sentAt: z.number().nullable(),
})
export type NamedFile = z.infer<typeof namedFileSchema>

/**
 * Types of the rows in the log of events (`event` in database.ts). `gap`: earlier rows are gone. `opened`: the ledger was
 * created or opened, which is no event for other programs.
 */
export const EVENT = {
  gap: 0,
  durable: 1,
  parked: 2,
  deleted: 3,
  restored: 4,
  damaged: 5,
  batchDurable: 6,
  opened: 7,
} as const

/** A row of the log of events. Times in milliseconds since 1970. */
export type EventRow = {
  seq: number
  at: number
  type: number
  /** Ids; null: the event is not about one. */
  source: string | null
  destination: string | null
  path: string | null
  size: number | null
  digest: Uint8Array | null
  detail: string | null
}
