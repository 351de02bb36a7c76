/** Measures how long the oldest pending call takes. */
export type CallWatch = ReturnType<typeof createCallWatch>

export function createCallWatch() {
  /** Start times of the pending calls, oldest first. */
  const out = new Map<symbol, number>()
  return {
    async during<T>(call: () => Promise<T>): Promise<T> {
      const id = Symbol()
      out.set(id, performance.now())
      try {
        return await call()
      } finally {
        out.delete(id)
      }
    },
    /** Returns the age of the oldest pending call in milliseconds; 0: none is pending. */
    oldestMs() {
      const [first] = out.values()
      return first === undefined ? 0 : performance.now() - first
    },
  }
}
