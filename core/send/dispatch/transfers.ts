import type { Due } from '../../ledger/ledger.ts'
import type { Transfer } from '../messages.ts'

/** The files that are being sent now, and how far each is. */
export interface Transfers {
  begin(due: Due): void
  add(due: Due, bytes: number): void
  end(due: Due): void
  /** At most `limit`: the largest first, behind all others those of which only the answer is waited for. */
  list(limit: number): Transfer[]
}

export function createTransfers(): Transfers {
  const files = new Map<number, Transfer>()
  const rankOf = ({ size, sentBytes }: Transfer) => (sentBytes < size ? size : 0)
  return {
    begin({ id, source, path, size }) {
      files.set(id, { id, source, path, size, sentBytes: 0 })
    },
    add({ id }, bytes) {
      const transfer = files.get(id)
      if (transfer !== undefined) transfer.sentBytes += bytes
    },
    end({ id }) {
      files.delete(id)
    },
    list: (limit) =>
      [...files.values()]
        .sort((a, b) => rankOf(b) - rankOf(a))
        .slice(0, limit)
        .map((transfer) => ({ ...transfer })),
  }
}
