/** The silence is measured in steps of this many milliseconds, or of the whole timeout if that is shorter. */
const STEP_MS = 1_000
/** A step that is this late, in milliseconds, was delayed by this process itself, which could read no events then. */
const LATE_MS = 2_000

export interface Patience {
  /** Restarts the timeout: an event arrived. */
  heard(): void
  end(): void
}

/**
 * Calls `over` after a timeout without events. Only time in which this process could read events counts: while it is
 * stopped (Ctrl-Z) or its terminal blocks (Ctrl-S; a write to a terminal blocks the whole process), events queue up
 * unread, and a single timer would expire before they are read.
 */
export function startPatience(patienceMs: number, over: () => void): Patience {
  const stepMs = Math.min(STEP_MS, patienceMs)
  let silentMs = 0
  let isNews = false
  let steppedAt = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    const isLate = now - steppedAt > stepMs + LATE_MS
    steppedAt = now
    silentMs = isLate || isNews ? 0 : silentMs + stepMs
    isNews = false
    if (silentMs < patienceMs) return
    clearInterval(timer)
    over()
  }, stepMs)
  return {
    heard() {
      isNews = true
    },
    end: () => clearInterval(timer),
  }
}
