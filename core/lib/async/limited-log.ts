/** Maximum number of log lines of one kind per period; further ones are only counted. A flood must not fill the log. */
const LINES = 20
const PERIOD_MS = 10_000

export interface LimitedLog {
  (text: string): void
  /** Logs the remaining count immediately; call it when the logging component ends. */
  end(): void
}

/** Logs the first lines of a period, and at its end the number of suppressed ones. */
export function createLimitedLog(log: (message: string) => void): LimitedLog {
  let lines = 0
  let last = ''
  let timer: NodeJS.Timeout | null = null
  const end = () => {
    if (timer !== null) clearTimeout(timer)
    timer = null
    const more = lines - LINES
    lines = 0
    if (more > 0) log(`${more} more of the same kind, the last one: ${last}`)
  }
  const write = (text: string) => {
    timer ??= setTimeout(end, PERIOD_MS).unref()
    lines += 1
    last = text
    if (lines <= LINES) log(text)
  }
  return Object.assign(write, { end })
}
