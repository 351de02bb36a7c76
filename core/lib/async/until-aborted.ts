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
