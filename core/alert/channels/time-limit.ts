/** An end to an attempt: its time is up, or whoever asked for it wants it no more. */
export interface TimeLimit {
  signal: AbortSignal
  /** Takes the timer away. */
  clear(): void
}

/** AbortSignal.any would do, but Node has had releases that lost such signals to the garbage collector. */
export function timeLimit(asker: AbortSignal, withinMs: number): TimeLimit {
  const controller = new AbortController()
  const end = () => controller.abort()
  const timer = setTimeout(end, withinMs)
  asker.addEventListener('abort', end, { once: true })
  if (asker.aborted) end()
  return {
    signal: controller.signal,
    clear() {
      clearTimeout(timer)
      asker.removeEventListener('abort', end)
    },
  }
}
