import { constants } from 'node:os'

/** What asks a run to end before it is done. */
export interface StopSignals {
  /** What the run then exits with: 128 and the signal's number, as a shell says it; null: none has come. */
  readonly code: number | null
  readonly came: Promise<null>
}

/** From now on they end nothing by themselves. */
export function watchStopSignals(): StopSignals {
  let code: number | null = null
  const came = new Promise<null>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(signal, () => {
        code ??= 128 + constants.signals[signal]
        resolve(null)
      })
  })
  return {
    get code() {
      return code
    },
    came,
  }
}
