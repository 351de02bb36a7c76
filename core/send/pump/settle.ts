import path from 'node:path'
import type { Due, Ledger } from '../../ledger/ledger.ts'
import { backoffMs } from '../../pacing/backoff.ts'
import { message } from '../../words/message.ts'
import type { Attempt, SendSource } from '../lane/contract.ts'
import type { SourceFile } from '../reading/read.ts'
import type { Gate } from './gate.ts'
import { STORE_RETRY_MS } from './gate.ts'
import type { LookBack } from './look-back.ts'
import { verdictOf } from './verdict.ts'

/** A file whose source has come to be on another file system is looked for again after this. */
const DOUBTFUL_MS = 30_000

/** A file that changes all the time is tried again after at most this: it goes soon after it rests. */
const CHANGED_MS = 10_000

export interface SettleOptions {
  ledger: Ledger
  /** The destination's name, for the sentences. */
  receiver: string
  retryMs: number
  gate: Gate
  /** A file waits no more, as it is gone. */
  onGone(): void
  /** Looks for files that vanished. */
  vanished: Pick<LookBack, 'givenUp'>
  /** Looks at files that may not be read. */
  unreadable: Pick<LookBack, 'givenUp'>
  /** Looks at files that the receiver never takes as they are. */
  refused: Pick<LookBack, 'givenUp'>
  log(level: 'info' | 'warn', text: string): void
}

/** Writes into the ledger what became of a file that was not stored. */
export type Settle = (
  source: SendSource,
  due: Due,
  attempt: Exclude<Attempt, { kind: 'lost' | 'halted' | 'source-missing' }>,
) => void

export function createSettle(options: SettleOptions): Settle {
  const { ledger, receiver, retryMs, gate, onGone, vanished, unreadable, refused, log } = options

  /** The receiver has answered, but not that it has the file. */
  const settleAnswer = (
    at: SourceFile,
    file: string,
    due: Due,
    answer: Extract<Attempt, { kind: 'answer' }>['answer'],
  ) => {
    const verdict = verdictOf(answer, receiver, { path: file, size: due.size })
    switch (verdict.kind) {
      case 'sent':
        return
      case 'park':
        log('warn', `${file}: ${answer.status} ${answer.detail}`)
        ledger.park(due, verdict.reason)
        refused.givenUp(at, due)
        return
      case 'store':
      case 'file': {
        gate.failed(verdict.reason, verdict.kind, performance.now())
        const cap = verdict.kind === 'store' ? Math.min(retryMs, STORE_RETRY_MS) : retryMs
        ledger.retryLater([due], Date.now() + backoffMs(due.attempts + 1, cap), verdict.reason)
        return
      }
      case 'again':
        if (verdict.reason !== null) log('warn', `${file}: ${answer.status} ${answer.detail}`.trimEnd())
        ledger.retryLater([due], Date.now() + backoffMs(due.attempts + 1, retryMs), verdict.reason)
        return
      default:
        verdict satisfies never
    }
  }

  const settleVanished = (at: SourceFile, file: string, due: Due) => {
    log('info', `${file} vanished before it was sent`)
    ledger.drop(due)
    onGone()
    vanished.givenUp(at, due)
  }

  return (source, due, attempt) => {
    const at: SourceFile = { root: source.path, path: due.path }
    const file = path.join(source.path, due.path)
    const again = Date.now() + backoffMs(due.attempts + 1, retryMs)
    const soon = Math.min(again, Date.now() + CHANGED_MS)
    switch (attempt.kind) {
      case 'answer':
        settleAnswer(at, file, due, attempt.answer)
        return
      case 'changed':
        log('info', `${file} changed while it was read: it is sent again`)
        ledger.renew(due, attempt.facts, soon)
        return
      case 'being-written':
        // When its writer is done the scanner offers it as it is then, and it goes after this pause at the latest;
        // where no scanner runs it is looked at again.
        log('info', `${file} is being written: it is sent when it is finished`)
        ledger.retryLater([due], soon, null)
        return
      case 'vanished':
        settleVanished(at, file, due)
        return
      case 'doubtful':
        ledger.retryLater([due], Date.now() + DOUBTFUL_MS, null)
        return
      case 'unreadable':
        log('warn', `${file} cannot be read: ${attempt.code}`)
        ledger.park(due, message('transfer.unreadable', { path: file, reason: attempt.code }))
        unreadable.givenUp(at, due)
        return
      case 'failed':
        ledger.retryLater([due], again, message('transfer.readFailed', { path: file, reason: attempt.code }))
        return
      default:
        attempt satisfies never
    }
  }
}
