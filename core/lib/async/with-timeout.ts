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
