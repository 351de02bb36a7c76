import path from 'node:path'
import type { Ledger, QueuedFile, RetryCause, TransferResult } from '../../ledger/ledger.ts'
import { backoffMs } from '../../lib/async/backoff.ts'
import type { Message } from '../../lib/i18n/message.ts'
import { englishWords } from '../../lib/i18n/words.ts'
import type { SendSource } from '../transfer/attempt.ts'

/** Longest delay after a destination failed, whatever the setting: a person may just have freed space there. */
export const DESTINATION_RETRY_MS = 12_000
/** Longest delay for a file that keeps changing: it should go soon after it rests. */
const CHANGED_MS = 10_000

/** Returns the delay in milliseconds. @param retryMs the longest delay of the settings. */
type Delay = (attempts: number, retryMs: number) => number

const grow =
  (mostMs = Number.POSITIVE_INFINITY): Delay =>
  (attempts, retryMs) =>
    backoffMs(attempts + 1, Math.min(retryMs, mostMs))

interface RetryRule {
  delay: Delay
  /**
   * So many results in a row are shown as the destination's failure, and hold back all files (CircuitBreaker). Left
   * out: the reason is shown for the file alone.
   */
  heldBackAfter?: number
  /** The log gets the reason. */
  isLogged?: true
  /** Text for the log, after the file's path. */
  info?: string
}

/** The retry policy: for each cause, when the file is tried again, and whose failure is shown. */
export const RETRY_RULES: Readonly<Record<RetryCause, RetryRule>> = {
  // The destination did not store this file, for a reason that concerns no other.
  file: { delay: grow(), isLogged: true },
  // Possibly the destination stores no file now.
  suspect: { delay: grow(), heldBackAfter: 8 },
  // The destination stores no file now.
  destination: { delay: grow(DESTINATION_RETRY_MS), heldBackAfter: 1 },
  reading: { delay: grow() },
  // It has changed, and a process may have it open. The scanner offers it again when its writer closes it; the delay
  // covers the case without a scanner.
  'being-written': { delay: grow(CHANGED_MS), info: 'is being written: it is sent when it is finished' },
  changed: { delay: grow(CHANGED_MS), info: 'changed while it was read: it is sent again' },
  // The name is missing. It may come back with the same metadata, and offering it then changes nothing in the ledger:
  // it is checked a second time.
  vanished: { delay: () => 2_000 },
  // The name is missing, and the source is on another file system than before, for an unknown reason.
  doubtful: { delay: () => 30_000 },
}

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
  source: Pick<SendSource, 'path'>,
  due: QueuedFile,
  result: Exclude<TransferResult, { kind: 'stored' }>,
): void {
  const info = (text: string) => events.log('info', `${path.join(source.path, due.path)} ${text}`)
  const warn = (reason: Message) => events.log('warn', englishWords(reason))
  // The row is unchanged.
  if (result.kind === 'lost') return
  if (result.kind === 'rejected') {
    warn(result.reason)
    ledger.park(due, result.reason)
    return
  }
  const { cause, reason, now } = result
  const rule = RETRY_RULES[cause]
  if (cause === 'vanished' && due.attempts > 0) {
    info('vanished before it was sent')
    ledger.drop(due)
    events.onGone()
    return
  }
  if (rule.isLogged && reason !== null) warn(reason)
  if (rule.info !== undefined) info(rule.info)
  const at = Date.now() + rule.delay(due.attempts, retrySeconds * 1000)
  if (now === undefined) ledger.retryLater([due], at, reason)
  else ledger.renew(due, now, at)
}
