import type { StatFacts } from '../../files/stat-facts.ts'
import type { Due } from '../../ledger/ledger.ts'
import { backoffMs } from '../../pacing/backoff.ts'
import type { Message } from '../../words/message.ts'
import { message } from '../../words/message.ts'
import { englishWords } from '../../words/words.ts'
import type { Attempt } from '../source/contract.ts'

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

/** What the ledger is told of a file that was not stored. Its due time says when it is tried again. */
export type Reaction =
  /** It waits as before. */
  | { kind: 'none' }
  | { kind: 'later'; inMs: number; reason: Message | null }
  /** It waits as the file that it is now. */
  | { kind: 'renew'; facts: StatFacts; inMs: number }
  /** Only something that changes brings it back: see parked.ts. */
  | { kind: 'park'; reason: Message }
  | { kind: 'drop' }

export type Logged = { level: 'info' | 'warn'; text: string } | null

/** A path beside which no other one may be on its way waits like one that failed. */
export const blockedMs = ({ attempts }: Pick<Due, 'attempts'>, retryMs: number): number =>
  backoffMs(attempts + 1, retryMs, 0)

/**
 * The retry policy: what becomes of a file after an attempt, and what is logged of it.
 * @param file its absolute path.
 * @param retryMs the longest pause between two attempts.
 */
export function reactionTo(
  attempt: Exclude<Attempt, { kind: 'durable' }>,
  { attempts }: Pick<Due, 'attempts'>,
  file: string,
  retryMs: number,
): [Reaction, Logged] {
  const backoff = (capMs: number) => backoffMs(attempts + 1, Math.min(retryMs, capMs))
  const info = (text: string): Logged => ({ level: 'info', text: `${file} ${text}` })
  const warn = (reason: Message): Logged => ({ level: 'warn', text: englishWords(reason) })
  switch (attempt.kind) {
    case 'lost':
    case 'halted':
    case 'source-missing':
      return [{ kind: 'none' }, null]
    case 'refused':
      return [{ kind: 'park', reason: attempt.reason }, warn(attempt.reason)]
    case 'again': {
      const { reason, trouble } = attempt
      const inMs = backoff(trouble === 'yes' ? TROUBLE_RETRY_MS : retryMs)
      return [{ kind: 'later', inMs, reason }, trouble === 'no' && reason !== null ? warn(reason) : null]
    }
    case 'failed': {
      const reason = message('transfer.readFailed', { path: file, reason: attempt.code })
      return [{ kind: 'later', inMs: backoff(retryMs), reason }, null]
    }
    case 'unreadable': {
      const reason = message('transfer.unreadable', { path: file, reason: attempt.code })
      return [{ kind: 'park', reason }, warn(reason)]
    }
    case 'changed': {
      const reaction = { kind: 'renew', facts: attempt.facts, inMs: backoff(CHANGED_MS) } as const
      return [reaction, info('changed while it was read: it is sent again')]
    }
    case 'being-written':
      // When its writer is done the scanner offers it as it is then, and it goes after this pause at the latest;
      // where no scanner runs it is looked at again.
      return [
        { kind: 'later', inMs: backoff(CHANGED_MS), reason: null },
        info('is being written: it is sent when it is finished'),
      ]
    case 'doubtful':
      return [{ kind: 'later', inMs: DOUBTFUL_MS, reason: null }, null]
    case 'vanished':
      if (attempts === 0) return [{ kind: 'later', inMs: VANISHED_MS, reason: null }, null]
      return [{ kind: 'drop' }, info('vanished before it was sent')]
    default:
      return attempt satisfies never
  }
}
