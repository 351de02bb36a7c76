import { type Message, message } from '../../lib/i18n/message.ts'

/** A disk that leaves a call unanswered for longer than this, in milliseconds, is said to hang. */
export const STALLED_MS = 30_000

/** What is said of a disk that has left a call unanswered for so long; null: nothing. @param name the destination's. */
export const hungFor = (ms: number, name: string): Message | null =>
  ms < STALLED_MS ? null : message('transfer.storeHung', { name, seconds: Math.round(ms / 1000) })
