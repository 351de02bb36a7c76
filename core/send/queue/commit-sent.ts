import type { LedgerGuard } from '../../ledger/health.ts'
import type { Ledger, QueuedFile, SentClaim } from '../../ledger/ledger.ts'

/** A ledger that could not be written is tried again after this. */
const AGAIN_MS = 1_000

/** A file that the receiver has stored; its digest is that of what was stored. */
export type StoredFile = QueuedFile & SentClaim

/** Tells the ledger of stored files, all that came in one turn of the event loop in one transaction. */
export type Acknowledgements = ReturnType<typeof createAcknowledgements>

export function createAcknowledgements(
  ledger: Pick<Ledger, 'markSent'>,
  guard: LedgerGuard,
  /** `files`: all that are over; `sent`: those of them that did not change meanwhile. */
  onWritten: (files: readonly StoredFile[], sent: readonly QueuedFile[], now: number) => void,
) {
  let waiting: StoredFile[] = []
  let running = false
  let isStuck = false

  const write = () => {
    running = false
    const files = waiting
    const now = Date.now()
    const sent = guard.use(() => ledger.markSent(files, now))
    isStuck = sent === null
    if (sent === null) {
      running = true
      setTimeout(write, AGAIN_MS)
      return
    }
    waiting = []
    onWritten(
      files,
      files.filter(({ id }) => sent.has(id)),
      now,
    )
  }

  return {
    add(stored: StoredFile): void {
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
