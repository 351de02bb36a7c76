/** Log lines of one kind within one period; the rest is counted. A flood must not fill the log. */
const LINES = 20
const PERIOD_MS = 10_000

/** Passes the first lines of a period on, and says how many more there were. */
export function createLimitedLog(log: (message: string) => void): (message: string) => void {
  let since = 0
  let lines = 0
  return (text) => {
    const now = performance.now()
    if (now - since > PERIOD_MS) {
      if (lines > LINES) log(`${lines - LINES} more of the same kind`)
      since = now
      lines = 0
    }
    lines += 1
    if (lines <= LINES) log(text)
  }
}
