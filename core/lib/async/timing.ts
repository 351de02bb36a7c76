/** Returned instead of a result after a timeout. */
export const LATE = Symbol('late')

/** Returns the result of `answer`, or LATE after `ms`; `answer` is not cancelled. Rejects if it rejects in time. */
export async function withTimeout<T>(ms: number, answer: Promise<T>): Promise<T | typeof LATE> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<typeof LATE>((resolve) => {
    timer = setTimeout(() => resolve(LATE), ms)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Returns the result of `answer`. Rejects if the signal is aborted first; `answer` is not cancelled. */
export async function untilAborted<T>(signal: AbortSignal, answer: Promise<T>): Promise<T> {
  let end: () => void = () => undefined
  const aborted = new Promise<never>((_, reject) => {
    end = () => reject(signal.reason)
  })
  if (signal.aborted) end()
  signal.addEventListener('abort', end, { once: true })
  try {
    return await Promise.race([aborted, answer])
  } finally {
    signal.removeEventListener('abort', end)
  }
}

/** Returns a function that runs `work` at most once in `everyMs`, including once after the last call. */
export function throttle(everyMs: number, work: () => void): { (): void; stop(): void } {
  let timer: NodeJS.Timeout | null = null
  const call = () => {
    timer ??= setTimeout(() => {
      timer = null
      work()
    }, everyMs)
  }
  return Object.assign(call, {
    stop: () => {
      if (timer !== null) clearTimeout(timer)
      timer = null
    },
  })
}

/** A moment on both clocks, in milliseconds: the wall clock may be set, so durations use the monotonic one. */
export interface Moment {
  wall: number
  steady: number
}

export const momentNow = (): Moment => ({ wall: Date.now(), steady: performance.now() })
