import { type Message, message } from '../lib/i18n/message.ts'
import { errorText } from '../platform/system-error.ts'

/** What `work` gives; `otherwise` where it throws, which `failed` is told. */
export function attempt<T>(work: () => T, otherwise: T, failed: (error: unknown) => void): T {
  try {
    return work()
  } catch (error) {
    failed(error)
    return otherwise
  }
}

/** After a failure the ledger is left alone for this long. */
const REST_MS = 1_000

/** The ledger's own disk may be full or sick: then everything waits until it can be written again. */
export type LedgerGuard = ReturnType<typeof createLedgerGuard>

export function createLedgerGuard(
  path: string,
  events: { onChange(): void; log(level: 'error', text: string): void },
) {
  let problem: Message | null = null
  let failedAt = 0
  return {
    /** What `work` gives, or null when the ledger cannot be used now. */
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
    /** Why the last use failed, or null. */
    get problem() {
      return problem
    },
    /** Whether the ledger may be used: the last use went well, or it is time to see whether it would now. */
    get isRested() {
      return problem === null || performance.now() - failedAt >= REST_MS
    },
  }
}
