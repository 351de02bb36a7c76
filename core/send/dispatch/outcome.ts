import path from 'node:path'
import type { LedgerGuard } from '../../ledger/guard.ts'
import type { Due, Ledger } from '../../ledger/ledger.ts'
import type { Attempt, SendSource } from '../source/contract.ts'
import type { Acknowledgements } from './acknowledgements.ts'
import type { CircuitBreaker } from './circuit-breaker.ts'
import type { Queue } from './queue.ts'
import { reactionTo } from './retry-policy.ts'
import type { Transfers } from './transfers.ts'

export interface OutcomeParts {
  ledger: Ledger
  /** The longest pause between two attempts. */
  retryMs: number
  guard: LedgerGuard
  breaker: CircuitBreaker
  queue: Queue
  acknowledgements: Acknowledgements
  transfers: Transfers
  /** The source as it is configured now. */
  sourceNow(id: string): SendSource | null
  events: {
    /** A file waits no more, though it was not sent. */
    onGone(): void
    onChange(): void
    log(level: 'info' | 'warn', text: string): void
  }
}

/** Brings a file to the end of its attempt: tells the ledger, and the circuit breaker, what became of it. */
export type Ended = (source: SendSource, due: Due, attempt: Attempt) => void

export function createOutcome(parts: OutcomeParts): Ended {
  const { ledger, retryMs, guard, breaker, queue, acknowledgements, transfers, events } = parts

  const react = (source: SendSource, due: Due, attempt: Exclude<Attempt, { kind: 'durable' }>): void => {
    const [reaction, logged] = reactionTo(attempt, due, path.join(source.path, due.path), retryMs)
    if (logged !== null) events.log(logged.level, logged.text)
    if (attempt.kind === 'again' && attempt.trouble !== 'no')
      breaker.failed(attempt.reason, attempt.trouble, performance.now())
    switch (reaction.kind) {
      case 'none':
        return
      case 'later':
        ledger.retryLater([due], Date.now() + reaction.inMs, reaction.reason)
        return
      case 'renew':
        ledger.renew(due, reaction.facts, Date.now() + reaction.inMs)
        return
      case 'park':
        ledger.park(due, reaction.reason)
        return
      case 'drop':
        ledger.drop(due)
        events.onGone()
        return
      default:
        reaction satisfies never
    }
  }

  return (source, due, attempt) => {
    transfers.end(due)
    if (attempt.kind === 'durable') {
      breaker.stored()
      const { digest, position, seal } = attempt
      const others = (parts.sourceNow(source.id) ?? source).alsoTo
      acknowledgements.add({ due, mark: source.groupWriteMark, others, digest, position, seal })
    } else {
      guard.use(() => react(source, due, attempt))
      queue.over([due])
    }
    breaker.ended(due.id)
    events.onChange()
  }
}
