import { warnUnlessCode } from '../dropped-errors.ts'
import type { Incident } from './incident.ts'
import type { Notice } from './notice.ts'

/** Limit of the notices, and of the incidents, that wait for the notifier. */
const MOST_WAITING = 1_000
/** A notice that the notifier has not accepted by then is shown on this computer. */
const PATIENCE_MS = 3_000
const RETRY_AFTER_MS = 500

export type HandoverQueue = ReturnType<typeof createHandoverQueue>

/**
 * Hands notices to the notifier, which may be starting or have ended. They wait here until it accepts them. The
 * notifier discards duplicates.
 * @param teller accepts notices and incidents; its promises resolve when it has them
 * @param alone shows a notice on this computer without the notifier
 */
export function createHandoverQueue(
  teller: {
    tell(notices: Notice[]): Promise<unknown>
    record(incidents: Incident[]): Promise<unknown>
  },
  alone: (notice: Notice) => void,
) {
  // Two queues, so that neither waits for the other: a write may take as long as a disk hangs.
  const notices = createQueue(teller.tell)
  const incidents = createQueue(teller.record)
  const showAlone = (notice: Notice) => {
    if (notices.has(notice)) alone(notice)
  }
  return {
    tell: (given: readonly Notice[]) => {
      for (const notice of given) setTimeout(() => showAlone(notice), PATIENCE_MS).unref()
      notices.add(given)
    },
    record: incidents.add,
  }
}

/**
 * Creates a queue that passes on all waiting items at once, and retries those that were not accepted. A newer item
 * replaces one with the same id.
 */
function createQueue<T extends { id: string }>(give: (all: T[]) => Promise<unknown>) {
  const waiting = new Map<string, T>()
  let isGiving = false

  const giveAll = async () => {
    if (isGiving) return
    isGiving = true
    while (waiting.size > 0) {
      const all = [...waiting.values()]
      try {
        await give(all)
        for (const one of all) if (waiting.get(one.id) === one) waiting.delete(one.id)
      } catch (error) {
        warnUnlessCode(error, [], 'the notifier does not take incidents; they are given to it again')
        await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER_MS).unref())
      }
    }
    isGiving = false
  }
  return {
    add(given: readonly T[]) {
      for (const one of given) waiting.set(one.id, one)
      for (const id of waiting.keys()) if (waiting.size > MOST_WAITING) waiting.delete(id)
      void giveAll()
    },
    has: ({ id }: T) => waiting.has(id),
  }
}
