import path from 'node:path'
import type { Ledger, QueuedFile } from '../../ledger/ledger.ts'
import { backoffMs } from '../../lib/async/backoff.ts'
import { type Message, message } from '../../lib/i18n/message.ts'
import { englishWords } from '../../lib/i18n/words.ts'
import type { SendAttempt, SendSource } from '../transfer/attempt.ts'

/** Longest delay after a destination failed, whatever the setting: a person may just have freed space there. */
export const TROUBLE_RETRY_MS = 12_000
/** Longest delay for a file that keeps changing: it should go soon after it rests. */
const CHANGED_MS = 10_000
/** Delay for a file whose source is now on another file system. */
const DOUBTFUL_MS = 30_000
/**
 * Delay before a missing file is checked a second time: it may have come back with the same metadata, and offering it
 * then changes nothing in the ledger.
 */
const VANISHED_MS = 2_000

interface RetryOptions {
  ledger: Pick<Ledger, 'retryLater' | 'park' | 'renew' | 'drop'>
  /** The longest delay of the settings. */
  retrySeconds: number
}

interface RetryEvents {
  /** A file stopped waiting, because it is gone. */
  onGone(): void
  log(level: 'info' | 'warn', text: string): void
}

/** Returns the delay for a path that another transfer blocks: that of one failed attempt more. */
export const getBlockedDelay = ({ attempts }: Pick<QueuedFile, 'attempts'>, retryMs: number): number =>
  backoffMs(attempts + 1, retryMs, 0)

/**
 * Applies the retry policy to a file that was not stored: updates its row in the ledger and logs the reason. The row's
 * due time schedules the next attempt; a parked file returns only after a change (see openParkedFiles).
 */
export function applyRetryPolicy(
  { ledger, retrySeconds }: RetryOptions,
  events: RetryEvents,
  source: SendSource,
  due: QueuedFile,
  attempt: Exclude<SendAttempt, { kind: 'durable' }>,
): void {
  const retryMs = retrySeconds * 1000
  const file = path.join(source.path, due.path)
  const after = (capMs: number) => Date.now() + backoffMs(due.attempts + 1, Math.min(retryMs, capMs))
  const later = (at: number, reason: Message | null = null) => ledger.retryLater([due], at, reason)
  const info = (text: string) => events.log('info', `${file} ${text}`)
  const warn = (reason: Message) => events.log('warn', englishWords(reason))
  switch (attempt.kind) {
    case 'lost':
    case 'halted':
    case 'source-missing':
      // The row is unchanged, and the file waits as before.
      break
    case 'refused':
      warn(attempt.reason)
      ledger.park(due, attempt.reason)
      break
    case 'again': {
      const { reason, trouble } = attempt
      if (trouble === 'no' && reason !== null) warn(reason)
      later(after(trouble === 'yes' ? TROUBLE_RETRY_MS : retryMs), reason)
      break
    }
    case 'failed':
      later(after(retryMs), message('transfer.readFailed', { path: file, reason: attempt.code }))
      break
    case 'unreadable': {
      const key = attempt.code === 'EBUSY' ? 'transfer.inUse' : 'transfer.unreadable'
      const reason = message(key, { path: file, reason: attempt.code })
      warn(reason)
      ledger.park(due, reason)
      break
    }
    case 'changed':
      info('changed while it was read: it is sent again')
      ledger.renew(due, attempt.facts, after(CHANGED_MS))
      break
    case 'being-written':
      // The scanner offers the file again when its writer closes it. The delay is the upper limit, and covers the case
      // without a scanner.
      info('is being written: it is sent when it is finished')
      later(after(CHANGED_MS))
      break
    case 'doubtful':
      later(Date.now() + DOUBTFUL_MS)
      break
    case 'vanished':
      if (due.attempts === 0) later(Date.now() + VANISHED_MS)
      else {
        info('vanished before it was sent')
        ledger.drop(due)
        events.onGone()
      }
      break
    default:
      attempt satisfies never
  }
}
