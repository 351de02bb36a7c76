import { existsSync } from 'node:fs'
import { warnUnlessCode } from '../dropped-errors.ts'
import { type Ledger, openLedger } from '../ledger/ledger.ts'
import type { RestoreEvent } from './write/events.ts'

/** Adds restored files to the log of events in this computer's ledger, each right after it has its name. */
export class RestoredLog {
  readonly #file: string | null
  readonly #destination: string
  #ledger: Ledger | null = null

  /** @param file the ledger; null, or a file that is missing: nothing is recorded. */
  constructor(file: string | null, destination: string) {
    this.#file = file
    this.#destination = destination
  }

  /** A ledger that cannot be written does not stop the restore. */
  record(event: RestoreEvent): void {
    if (event.kind !== 'restored' || this.#file === null || !existsSync(this.#file)) return
    try {
      this.#ledger ??= openLedger(this.#file)
      this.#ledger.recordRestored(this.#destination, event.to, Date.now())
    } catch (error) {
      warnUnlessCode(error, [], 'a restored file has no event, as the ledger cannot be written')
    }
  }

  close(): void {
    this.#ledger?.close()
    this.#ledger = null
  }
}
