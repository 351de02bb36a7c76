/** Interval between two attempts after a failure, in milliseconds. */
export const retryMs = 3000

/**
 * Calls `ask` after a delay and repeats it while it fails: no event announces that it would succeed again. `ask` itself
 * reports its failure.
 *
 * @param ask returns the milliseconds until the next attempt; null after a success
 * @param afterMs milliseconds before the first attempt
 * @returns a function that cancels the attempts; a pending one is not repeated
 */
export function askAgain(ask: () => Promise<number | null>, afterMs: number): () => void {
  let isOver = false
  const attempt = async () => {
    const againMs = await ask()
    if (againMs !== null && !isOver) timer = setTimeout(attempt, againMs)
  }
  let timer = setTimeout(attempt, afterMs)
  return () => {
    isOver = true
    clearTimeout(timer)
  }
}
