import type { LedgerGuard } from '../../ledger/health.ts'
import type { Ledger, QueuedFile } from '../../ledger/ledger.ts'
import type { openWhereabouts } from '../../ledger/mount-presence.ts'
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
  /** These files are sent, and the ledger says so. */
  onSent(files: readonly QueuedFile[], now: number): void
  /** Their group-write marks are set. */
  onMarked(): void
  /** Files wait no more, though they were not sent: they are gone, or left out now. */
  onGone(): void
  onBytes(source: string, bytes: number): void
  /** Something that a report shows has changed. */
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

/** What the functions of a dispatcher share. */
export interface Parts {
  options: DispatcherOptions
  events: DispatcherEvents
  guard: LedgerGuard
  breaker: CircuitBreaker
  disks: ReturnType<typeof openWhereabouts>
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
