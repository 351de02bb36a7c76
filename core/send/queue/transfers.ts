import type { QueuedFile } from '../../ledger/ledger.ts'
import type { Transfer } from '../sender-messages.ts'

/** The files that are being sent now, with their progress. */
export type Transfers = ReturnType<typeof createTransfers>

export function createTransfers() {
  const files = new Map<number, Transfer>()
  const getRank = ({ size, sentBytes }: Transfer) => (sentBytes < size ? size : 0)
  return {
    begin({ id, source, path, size }: QueuedFile): void {
      files.set(id, { id, source, path, size, sentBytes: 0 })
    },
    add({ id }: QueuedFile, bytes: number): void {
      const transfer = files.get(id)
      if (transfer !== undefined) transfer.sentBytes += bytes
    },
    end({ id }: QueuedFile): void {
      files.delete(id)
    },
    /** Returns at most `limit` files: the largest first, and last those that only wait for the destination's answer. */
    list: (limit: number): Transfer[] =>
      [...files.values()]
        .sort((a, b) => getRank(b) - getRank(a))
        .slice(0, limit)
        .map((transfer) => ({ ...transfer })),
  }
}
