import type { Due } from '../../ledger/ledger.ts'
import { WHOLE_FILE_BYTES } from '../../wire/limits.ts'
import type { Transfer } from '../messages.ts'

/** The files that are being sent now, and how far each is. */
export interface OnWire {
  begin(due: Due): void
  add(due: Due, bytes: number): void
  end(due: Due): void
  /** At most `limit`: the large ones first, those behind all others of which only the answer is waited for. */
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
      for (const rank of [0, 1, 2]) {
        for (const transfer of files.values()) {
          if (all.length >= limit) return all
          if (rankOf(transfer) === rank) all.push({ ...transfer })
        }
      }
      return all
    },
  }
}

function rankOf({ size, sentBytes }: Transfer): number {
  // Up to this size a file travels whole to whichever receiver.
  if (size <= WHOLE_FILE_BYTES) return 1
  return sentBytes < size ? 0 : 2
}
