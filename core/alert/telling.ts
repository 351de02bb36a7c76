import type { Incident } from './incident.ts'
import type { Notice } from './notice.ts'

/** Whoever takes notices and incidents over; a promise that is kept when it has them. */
export interface Teller {
  tell(notices: Notice[]): Promise<unknown>
  record(incidents: Incident[]): Promise<unknown>
}

export interface Telling {
  tell(notices: Notice[]): void
  record(incidents: Incident[]): void
  /** It is there again. */
  again(): void
}

/** Notices that wait for the notifier at most. */
const MOST_WAITING = 1_000
/** After this somebody on this computer is told in any case. */
const PATIENCE_MS = 3_000

/**
 * Hands notices to the notifier, which may be just starting, or have ended: they wait here until it has them. The same
 * notice twice is one there.
 * @param alone shows a notice on this computer while there is no notifier.
 */
export function createTelling(teller: Teller, alone: (notice: Notice) => void): Telling {
  const notices = new Map<string, Notice>()
  const incidents = new Map<string, Incident>()
  const shown = new Set<string>()
  let isOut = false
  let isRetrying = false

  const retrySoon = () => {
    if (isRetrying) return
    isRetrying = true
    setTimeout(() => {
      isRetrying = false
      void send()
    }, 500).unref()
  }
  const send = async () => {
    if (isOut || notices.size + incidents.size === 0) return
    isOut = true
    const told = [...notices.values()]
    const recorded = [...incidents.values()]
    try {
      if (recorded.length > 0) await teller.record(recorded)
      for (const one of recorded) if (incidents.get(one.id) === one) incidents.delete(one.id)
      if (told.length > 0) await teller.tell(told)
      for (const { id } of told) notices.delete(id)
    } catch {
      retrySoon()
    }
    isOut = false
    if (notices.size + incidents.size > 0) retrySoon()
  }
  const showAlone = (notice: Notice) => {
    if (!notices.has(notice.id) || shown.has(notice.id)) return
    shown.add(notice.id)
    alone(notice)
  }
  return {
    tell: (given) => {
      for (const notice of given) {
        notices.set(notice.id, notice)
        setTimeout(() => showAlone(notice), PATIENCE_MS).unref()
      }
      for (const id of notices.keys()) if (notices.size > MOST_WAITING) notices.delete(id)
      void send()
    },
    record: (given) => {
      for (const incident of given) incidents.set(incident.id, incident)
      for (const id of incidents.keys()) if (incidents.size > MOST_WAITING) incidents.delete(id)
      void send()
    },
    again: () => void send(),
  }
}
