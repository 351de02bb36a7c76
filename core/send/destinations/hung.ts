import { type Message, message } from '../../lib/i18n/message.ts'

/** A disk that has not answered a call for longer than this, in milliseconds, counts as hanging. */
export const STALLED_MS = 30_000

/** Returns the message for a disk without an answer for `ms`; null below the limit. @param name the destination's. */
export const describeHang = (ms: number, name: string): Message | null =>
  ms < STALLED_MS ? null : message('transfer.storeHung', { name, seconds: Math.round(ms / 1000) })
