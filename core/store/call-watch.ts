/** Knows how long the oldest of the calls that are out has been out. */
export type CallWatch = ReturnType<typeof createCallWatch>

export function createCallWatch() {
  /** When each began; in that order. */
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
    /** 0 when none is out. */
    oldestMs() {
      const [first] = out.values()
      return first === undefined ? 0 : performance.now() - first
    },
  }
}
