import type { ScanLedger } from '../../core/scan/session.ts'
import type { Candidate, LedgerEntry } from '../../core/send/ledger.ts'

/** A ledger in memory, and a sender that makes everything durable when it is told to. */
export class MemoryLedger implements ScanLedger {
  readonly files = new Map<string, Candidate & { state: LedgerEntry['state'] }>()
  /** Every path that became waiting, in order. */
  readonly offered: string[] = []

  offer(_destination: string, candidates: readonly Candidate[]): number {
    let waiting = 0
    for (const candidate of candidates) {
      const known = this.files.get(candidate.path)
      if (
        known?.size === candidate.size &&
        known.mtimeNs === candidate.mtimeNs &&
        known.inode === candidate.inode
      ) {
        continue
      }
      this.files.set(candidate.path, { ...candidate, state: 'waiting' })
      this.offered.push(candidate.path)
      waiting += 1
    }
    return waiting
  }

  lookup(_destination: string, _source: string, path: string): LedgerEntry | null {
    return this.files.get(path) ?? null
  }

  unsentBelow(_destination: string, _source: string, directory: string) {
    const counts = { waiting: 0, parked: 0 }
    for (const { path, state } of this.files.values()) {
      if (state !== 'sent' && path.startsWith(directory === '' ? '' : `${directory}/`)) counts[state] += 1
    }
    return counts
  }

  sendAll(): void {
    for (const file of this.files.values()) if (file.state === 'waiting') file.state = 'sent'
  }

  close(): void {}
}
