import path from 'node:path'
import type { QueuedFile } from '../../ledger/ledger.ts'
import { backoffMs } from '../../lib/async/backoff.ts'
import { type Message, message } from '../../lib/i18n/message.ts'
import { englishWords } from '../../lib/i18n/words.ts'
import type { SendAttempt, SendSource } from '../transfer/contract.ts'
import type { Parts } from './parts.ts'

/** A destination in trouble is tried again within this, whatever the setting: somebody has just made room there. */
export const TROUBLE_RETRY_MS = 12_000
/** A file that changes all the time is tried again after at most this: it goes soon after it rests. */
const CHANGED_MS = 10_000
/** A file whose source has come to be on another file system is looked for again after this. */
const DOUBTFUL_MS = 30_000
/**
 * A file that is gone is looked for once more after this: while it was away it may have been offered as it is, which the
 * ledger knew already.
 */
const VANISHED_MS = 2_000

/** A path beside which no other one may be on its way waits like one that failed. */
export const blockedMs = ({ attempts }: Pick<QueuedFile, 'attempts'>, retryMs: number): number =>
  backoffMs(attempts + 1, retryMs, 0)

/**
 * The retry policy: tells the ledger what becomes of a file that was not stored, and the log what a person may want to
 * know. A file's due time says when it is tried again; only something that changes brings back one that is parked (see
 * parked.ts).
 */
export function react(
  { options: { ledger, retrySeconds }, events }: Pick<Parts, 'options' | 'events'>,
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
      // It waits as before.
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
      const reason = message('transfer.unreadable', { path: file, reason: attempt.code })
      warn(reason)
      ledger.park(due, reason)
      break
    }
    case 'changed':
      info('changed while it was read: it is sent again')
      ledger.renew(due, attempt.facts, after(CHANGED_MS))
      break
    case 'being-written':
      // When its writer is done the scanner offers it as it is then, and it goes after this pause at the latest;
      // where no scanner runs it is looked at again.
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
