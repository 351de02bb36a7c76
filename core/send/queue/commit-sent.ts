import type { LedgerGuard } from '../../ledger/health.ts'
import type { Ledger, QueuedFile, SentClaim } from '../../ledger/ledger.ts'

/** Delay before a failed write of the ledger is repeated. */
const AGAIN_MS = 1_000

/** A file that the destination has stored; `digest` is that of the stored content. */
export type StoredFile = QueuedFile & SentClaim

/** Records stored files in the ledger: those of one turn of the event loop in one transaction. */
export type Acknowledgements = ReturnType<typeof createAcknowledgements>

export function createAcknowledgements(
  ledger: Pick<Ledger, 'markSent'>,
  guard: LedgerGuard,
  /** `files`: all recorded files; `sent`: those of them that did not change meanwhile. */
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
    /** True if the last write failed: it is repeated, and sending should pause until it succeeds. */
    get isStuck() {
      return isStuck
    },
  }
}
