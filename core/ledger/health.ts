import { type Message, message } from '../lib/i18n/message.ts'
import { errorText } from '../platform/system-error.ts'

/** Returns the result of `work`; if it throws, calls `failed` with the error and returns `otherwise`. */
export function attempt<T>(work: () => T, otherwise: T, failed: (error: unknown) => void): T {
  try {
    return work()
  } catch (error) {
    failed(error)
    return otherwise
  }
}

/** Pause in the use of the ledger after a failure. */
const REST_MS = 1_000

/** Guards against a ledger whose disk is full or faulty: everything waits until it can be written again. */
export type LedgerGuard = ReturnType<typeof createLedgerGuard>

export function createLedgerGuard(
  path: string,
  events: { onChange(): void; log(level: 'error', text: string): void },
) {
  let problem: Message | null = null
  let failedAt = 0
  return {
    /** Returns the result of `work`, or null if the ledger cannot be used now. */
    use<T>(work: () => T): T | null {
      try {
        const result = work()
        problem = null
        return result
      } catch (error) {
        const reason = errorText(error)
        if (problem === null) events.log('error', `${path}: ${reason}`)
        problem = message('transfer.ledgerFailed', { path, reason })
        failedAt = performance.now()
        events.onChange()
        return null
      }
    },
    /** The error of the last use, or null. */
    get problem() {
      return problem
    },
    /** True if the ledger may be used: the last use succeeded, or the pause after a failure has ended. */
    get isRested() {
      return problem === null || performance.now() - failedAt >= REST_MS
    },
  }
}
