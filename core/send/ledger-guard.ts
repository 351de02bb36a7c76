import type { Message } from '../words/message.ts'
import { message } from '../words/message.ts'

/** The ledger's own disk may be full or sick: then everything waits until it can be written again. */
export interface LedgerGuard {
  /** What `work` gives, or null when the ledger cannot be used now. */
  use<T>(work: () => T): T | null
  /** Why the last use failed, or null. */
  readonly problem: Message | null
}

export function createLedgerGuard(
  path: string,
  events: { onChange(): void; log(level: 'error', text: string): void },
): LedgerGuard {
  let problem: Message | null = null
  return {
    use(work) {
      try {
        const result = work()
        problem = null
        return result
      } catch (thrown) {
        const reason = thrown instanceof Error ? thrown.message : String(thrown)
        if (problem === null) events.log('error', `${path}: ${reason}`)
        problem = message('transfer.ledgerFailed', { path, reason })
        events.onChange()
        return null
      }
    },
    get problem() {
      return problem
    },
  }
}
