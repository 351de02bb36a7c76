import { constants } from 'node:os'

/** Signals that ask a run to stop early. */
export interface StopSignals {
  /** The exit code after a signal: 128 plus the signal's number, as in a shell; null if none arrived. */
  readonly code: number | null
  readonly came: Promise<null>
}

/** Replaces the default action of the signals, which would end the process. */
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
