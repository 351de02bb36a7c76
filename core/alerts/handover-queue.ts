import { warnUnlessCode } from '../dropped-errors.ts'
import type { Incident } from './incident.ts'
import type { Notice } from './notice.ts'

/** Notices, and incidents, that wait for the notifier at most. */
const MOST_WAITING = 1_000
/** After this somebody on this computer is told in any case. */
const PATIENCE_MS = 3_000
const RETRY_AFTER_MS = 500

export type Telling = ReturnType<typeof createTelling>

/**
 * Hands notices to the notifier, which may be just starting, or have ended: they wait here until it has them. The same
 * notice twice is one there.
 * @param teller takes notices and incidents over; a promise that is kept when it has them.
 * @param alone shows a notice on this computer while there is no notifier.
 */
export function createTelling(
  teller: {
    tell(notices: Notice[]): Promise<unknown>
    record(incidents: Incident[]): Promise<unknown>
  },
  alone: (notice: Notice) => void,
) {
  // Neither waits for the other: what is written down may take as long as a disk that hangs.
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

/** Gives away what waits, all at once, and again what was not taken; of two with one id the later counts. */
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
