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
