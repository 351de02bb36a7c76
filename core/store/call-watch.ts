/** Knows how long the oldest of the calls that are out has been out. */
export type CallWatch = ReturnType<typeof createCallWatch>

export function createCallWatch() {
  /** In the order in which they began. */
  const out = new Map<number, number>()
  let last = 0
  return {
    async during<T>(call: () => Promise<T>): Promise<T> {
      last += 1
      const id = last
      out.set(id, performance.now())
      try {
        return await call()
      } finally {
        out.delete(id)
      }
    },
    /** 0 when none is out. */
    oldestMs(): number {
      const first = out.values().next()
      return first.done === true ? 0 : performance.now() - first.value
    },
  }
}
