import { errorText } from '../files/system-error.ts'
import { Problem } from '../words/problem.ts'
import type { Ledger } from './ledger.ts'
import { openLedger } from './ledger.ts'

/** @throws Problem transfer.ledgerFailed */
export function openOrExplain(path: string): Ledger {
  try {
    return openLedger(path)
  } catch (thrown) {
    const reason = errorText(thrown)
    throw new Problem('transfer.ledgerFailed', { path, reason }, { cause: thrown })
  }
}
