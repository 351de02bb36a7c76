const FIRST_MS = 250
const LONGEST_MS = 5_000

/** Carries out the newest of the tasks that it is given, again and again until it succeeds. */
export interface Retry {
  /** Resolves after the first attempt; throws what that threw, and goes on trying. Calls must not overlap. */
  run(task: () => Promise<void>): Promise<void>
  stop(): void
}

/** For a worker's configuration: what it needs may be missing for a while, such as its data's disk at the start. */
export function createRetry(): Retry {
  let timer: NodeJS.Timeout | null = null
  let attempt: Promise<void> = Promise.resolve()
  let stopped = false

  const cancel = () => {
    if (timer !== null) clearTimeout(timer)
    timer = null
  }
  const start = (task: () => Promise<void>, pauseMs: number): Promise<void> => {
    attempt = task().catch((thrown) => {
      if (!stopped)
        timer = setTimeout(
          () => void start(task, Math.min(LONGEST_MS, pauseMs * 2)).catch(() => undefined),
          pauseMs,
        )
      throw thrown
    })
    return attempt
  }

  return {
    async run(task) {
      // An attempt that is under way may end by setting the timer, or by itself.
      await attempt.catch(() => undefined)
      cancel()
      if (!stopped) await start(task, FIRST_MS)
    },
    stop() {
      stopped = true
      cancel()
    },
  }
}
