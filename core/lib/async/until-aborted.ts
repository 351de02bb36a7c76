/** What `answer` gives, unless the signal ends the wait first: then this rejects, and `answer` is left to itself. */
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
