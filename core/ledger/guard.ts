import { errorText } from '../files/system-error.ts'
import type { Message } from '../words/message.ts'
import { message } from '../words/message.ts'

/** After a failure the ledger is left alone for this long. */
const REST_MS = 1_000

/** The ledger's own disk may be full or sick: then everything waits until it can be written again. */
export interface LedgerGuard {
  /** What `work` gives, or null when the ledger cannot be used now. */
  use<T>(work: () => T): T | null
  /** Why the last use failed, or null. */
  readonly problem: Message | null
  /** Whether the ledger may be used: the last use went well, or it is time to see whether it would now. */
  readonly isRested: boolean
}

export function createLedgerGuard(
  path: string,
  events: { onChange(): void; log(level: 'error', text: string): void },
): LedgerGuard {
  let problem: Message | null = null
  let failedAt = 0
  return {
    use(work) {
      try {
        const result = work()
        problem = null
        return result
      } catch (thrown) {
        const reason = errorText(thrown)
        if (problem === null) events.log('error', `${path}: ${reason}`)
        problem = message('transfer.ledgerFailed', { path, reason })
        failedAt = performance.now()
        events.onChange()
        return null
      }
    },
    get problem() {
      return problem
    },
    get isRested() {
      return problem === null || performance.now() - failedAt >= REST_MS
    },
  }
}
