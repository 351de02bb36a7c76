import type { LedgerGuard } from '../../ledger/health.ts'
import type { Ledger, QueuedFile } from '../../ledger/ledger.ts'
import type { openMountPresence } from '../../ledger/mount-presence.ts'
import type { Session } from '../destinations/destination.ts'
import type { Marks } from '../marks/marks.ts'
import type { Readers } from '../reading/readers.ts'
import type { SourceWorker } from '../transfer/source-worker.ts'
import type { Windows } from '../transfer/window.ts'
import type { CircuitBreaker } from './circuit-breaker.ts'
import type { Acknowledgements } from './commit-sent.ts'
import type { Queue } from './queue.ts'
import type { RestlessFiles } from './restless.ts'
import type { Transfers } from './transfers.ts'

export interface DispatcherEvents {
  /** These files were sent, and the ledger has recorded it. */
  onSent(files: readonly QueuedFile[], now: number): void
  /** Group-write marks were set. */
  onMarked(): void
  /** Files stopped waiting without being sent: they are gone or excluded now. */
  onGone(): void
  onBytes(source: string, bytes: number): void
  /** A value that reports show has changed. */
  onChange(): void
  log(level: 'info' | 'warn' | 'error', text: string): void
}

export interface DispatcherOptions {
  destination: { id: string; name: string }
  ledger: Ledger
  ledgerPath: string
  retrySeconds: number
  /** See RestlessOptions; without, the settings' default. */
  versionsPerHour?: number
  readers: Readers
}

/** The shared parts of a dispatcher. */
export interface Parts {
  options: DispatcherOptions
  events: DispatcherEvents
  guard: LedgerGuard
  breaker: CircuitBreaker
  disks: ReturnType<typeof openMountPresence>
  marks: Marks
  transfers: Transfers
  windows: Windows
  workers: Map<string, SourceWorker>
  queue: Queue
  restless: RestlessFiles
  acknowledgements: Acknowledgements
  /** See Shared. */
  moving: Set<number>
  state: { session: Session | null; paused: boolean }
}
