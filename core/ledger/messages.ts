import { z } from 'zod'
import { messageSchema } from '../words/message-schema.ts'

/** A file's place in the ledger. */
export const fileStates = ['waiting', 'sent', 'parked'] as const
export type FileState = (typeof fileStates)[number]

export const totalsSchema = z.object({
  waitingFiles: z.number(),
  waitingBytes: z.number(),
  sentFiles: z.number(),
  sentBytes: z.number(),
  parkedFiles: z.number(),
})
export type Totals = z.infer<typeof totalsSchema>

export const fileSchema = z.object({
  id: z.number(),
  source: z.string(),
  /** The destination's id: a file of several destinations is there once for each. */
  destination: z.string(),
  path: z.string(),
  size: z.number(),
  /** Milliseconds since 1970; null: only that another content was sent is known. */
  modifiedAt: z.number().nullable(),
  state: z.enum(fileStates),
  attempts: z.number(),
  sentAt: z.number().nullable(),
  /** When Holdfast removed it at the source, after it was sent; null: it did not. */
  removedAt: z.number().nullable(),
  /** Why it is parked, or why the last attempt failed. */
  reason: messageSchema.nullable(),
})
export type LedgerFile = z.infer<typeof fileSchema>
