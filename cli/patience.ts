/** The silence is counted in steps of this many milliseconds, or of the whole patience if that is less. */
const STEP_MS = 1_000
/** A step that is so much late, in milliseconds, was held up by this process itself: nothing could be heard then. */
const LATE_MS = 2_000

export interface Patience {
  /** There was news: the silence begins anew. */
  heard(): void
  end(): void
}

/**
 * Calls `over` once nothing was heard for so long. What counts is the time in which this process could hear: while it
 * is stopped (Ctrl-Z), or its terminal takes nothing (Ctrl-S; a write to a terminal holds the whole process), news
 * piles up unread, and one timer for all of it would run out before the news is read.
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
