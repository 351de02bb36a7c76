import type { Due } from '../../ledger/ledger.ts'
import { isLarge } from '../lane/lane.ts'
import type { Transfer } from '../messages.ts'

/** The files that are being sent now, and how far each is. */
export interface OnWire {
  begin(due: Due): void
  add(due: Due, bytes: number): void
  end(due: Due): void
  /** At most `limit`, the large ones first. */
  list(limit: number): Transfer[]
}

export function createOnWire(): OnWire {
  const files = new Map<number, Transfer>()
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
    list(limit) {
      const all: Transfer[] = []
      for (const large of [true, false]) {
        for (const transfer of files.values()) {
          if (all.length >= limit) return all
          if (isLarge(transfer.size) === large) all.push({ ...transfer })
        }
      }
      return all
    },
  }
}
