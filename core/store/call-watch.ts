/** Knows how long the oldest of the calls that are out has been out. */
export interface CallWatch {
  during<T>(call: () => Promise<T>): Promise<T>
  /** 0 when none is out. */
  oldestMs(): number
}

export function createCallWatch(): CallWatch {
  /** In the order in which they began. */
  const out = new Map<number, number>()
  let last = 0
  return {
    async during(call) {
      last += 1
      const id = last
      out.set(id, performance.now())
      try {
        return await call()
      } finally {
        out.delete(id)
      }
    },
    oldestMs() {
      const first = out.values().next()
      return first.done === true ? 0 : performance.now() - first.value
    },
  }
}
