/** Given instead of an answer that did not come in time. */
export const LATE = Symbol('late')

/** What `answer` gives, or LATE after `ms`; then it is left to itself. Rejects as it does, if that is in time. */
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
