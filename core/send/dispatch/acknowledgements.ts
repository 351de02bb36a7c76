import type { LedgerGuard } from '../../ledger/guard.ts'
import type { Due, Ledger } from '../../ledger/ledger.ts'

/** A ledger that could not be written is tried again after this. */
const AGAIN_MS = 1_000

/** A file that the receiver has stored. */
export interface Stored {
  due: Due
  /** It is owed the group-write mark. */
  mark: boolean
  /** The source's other destinations. */
  others: readonly string[] | undefined
  /** Of what was stored. */
  digest: Uint8Array | null
  /** The destination's position by which it was stored. */
  position: number
  seal?: Uint8Array | undefined
}

/** Tells the ledger of stored files, all that came in one turn of the event loop in one transaction. */
export type Acknowledgements = ReturnType<typeof createAcknowledgements>

export function createAcknowledgements(
  ledger: Pick<Ledger, 'markSent'>,
  guard: LedgerGuard,
  /** `files`: all that are over; `sent`: those of them that did not change meanwhile. */
  onWritten: (files: readonly Due[], sent: readonly Due[], now: number) => void,
) {
  let waiting: Stored[] = []
  let running = false
  let isStuck = false

  const write = () => {
    running = false
    const files = waiting
    const now = Date.now()
    const claims = files.map(({ due: { id, generation }, ...stored }) => ({ id, generation, ...stored }))
    const sent = guard.use(() => ledger.markSent(claims, now))
    isStuck = sent === null
    if (sent === null) {
      running = true
      setTimeout(write, AGAIN_MS)
      return
    }
    waiting = []
    const over = files.map(({ due }) => due)
    onWritten(
      over,
      over.filter(({ id }) => sent.has(id)),
      now,
    )
  }

  return {
    add(stored: Stored): void {
      waiting.push(stored)
      if (running) return
      running = true
      setImmediate(write)
    },
    /** The ledger did not take the last ones: they are tried again, and nothing more should be sent meanwhile. */
    get isStuck() {
      return isStuck
    },
  }
}
