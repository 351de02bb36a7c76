/** Between two tries of a question that failed, in milliseconds. */
export const retryMs = 3000

/**
 * Asks after a pause, and while that fails again and again: nothing else may tell that an answer can be had now. The
 * question itself shows why it failed.
 *
 * @param ask milliseconds until it is to be asked again; null once it was answered
 * @param afterMs milliseconds before the first try
 * @returns what ends it; a question that is on its way is not asked again then
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
