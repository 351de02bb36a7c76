import type { Clock } from '../clock.ts'
import type { Checked } from '../messages.ts'

/** Reports go out at most this often, in milliseconds. */
export const REPORT_EVERY_MS = 100
/** Verdicts that arrive together go out together. */
const GATHER_MS = 5
/** A report of more paths than this goes out in parts: no message may hold the supervisor up. */
const MOST_PATHS = 1_000

export type ReportBatch = ReturnType<typeof createReportBatch>

/** Collects verdicts; of one path only the newest waits. */
export function createReportBatch(clock: Clock, report: (checked: Checked[]) => void) {
  const waiting = new Map<string, Checked>()
  let lastMs = Number.NEGATIVE_INFINITY
  let cancel: (() => void) | null = null

  const flush = () => {
    cancel = null
    lastMs = clock.now()
    const part = [...waiting.values()].slice(0, MOST_PATHS)
    for (const { id } of part) waiting.delete(id)
    if (part.length > 0) report(part)
    if (waiting.size > 0) schedule()
  }
  const schedule = () => {
    cancel ??= clock.at(Math.max(lastMs + REPORT_EVERY_MS, clock.now() + GATHER_MS), flush)
  }
  return {
    add: (checked: Checked) => {
      waiting.set(checked.id, checked)
      schedule()
    },
    /** A path is no longer checked: what waits to be said of it is not said. */
    forget: (id: string) => void waiting.delete(id),
    stop: () => {
      cancel?.()
      cancel = null
      waiting.clear()
    },
  }
}
