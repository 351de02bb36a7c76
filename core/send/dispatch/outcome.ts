import path from 'node:path'
import type { Due } from '../../ledger/ledger.ts'
import type { Attempt, SendSource } from '../source/contract.ts'
import type { Parts } from './parts.ts'
import { reactionTo } from './retry-policy.ts'

/** Tells the ledger, and the circuit breaker, of a file that was not stored. */
function react(
  { options, breaker, events }: Parts,
  source: SendSource,
  due: Due,
  attempt: Exclude<Attempt, { kind: 'durable' }>,
): void {
  const { ledger, retrySeconds } = options
  const [reaction, logged] = reactionTo(attempt, due, path.join(source.path, due.path), retrySeconds * 1000)
  if (logged !== null) events.log(logged.level, logged.text)
  if (attempt.kind === 'again' && attempt.trouble !== 'no')
    breaker.failed(due.source, attempt.reason, attempt.trouble, performance.now())
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

/** Brings a file to the end of its attempt. */
export function ended(parts: Parts, source: SendSource, due: Due, attempt: Attempt): void {
  const { acknowledgements, breaker, events, guard, queue, transfers, workers } = parts
  transfers.end(due)
  if (attempt.kind === 'durable') {
    breaker.stored()
    const { digest, position, seal } = attempt
    // As it is configured now.
    const others = (workers.get(source.id)?.source ?? source).alsoTo
    acknowledgements.add({ due, mark: source.groupWriteMark, others, digest, position, seal })
  } else {
    guard.use(() => react(parts, source, due, attempt))
    queue.over([due])
  }
  breaker.ended(due.source, performance.now())
  events.onChange()
}
