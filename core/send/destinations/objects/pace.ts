import type { Bucket } from '../../limit/bucket.ts'

/** Shorter waits are not worth a timer. */
const LEAST_WAIT_MS = 5

/** Lets contents go as the bucket allows, in the order in which they ask. */
export interface Pace {
  /** Resolves when so many bytes may go; false: it was closed. */
  take(bytes: number): Promise<boolean>
  close(): void
}

export function createPace(bucket: Bucket): Pace {
  const waiting: { left: number; go: (granted: boolean) => void }[] = []
  let timer: NodeJS.Timeout | null = null
  let closed = false

  const run = (): void => {
    if (timer !== null) clearTimeout(timer)
    timer = null
    for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
      first.left -= bucket.take(first.left, performance.now())
      if (first.left > 0) {
        timer = setTimeout(run, Math.max(LEAST_WAIT_MS, bucket.waitMs(first.left, performance.now())))
        return
      }
      waiting.shift()
      first.go(true)
    }
  }
  const unwatch = bucket.watch(run)

  return {
    take(bytes) {
      if (closed || bucket.bytesPerSecond === null) return Promise.resolve(!closed)
      return new Promise((go) => {
        waiting.push({ left: bytes, go })
        if (timer === null) run()
      })
    },
    close() {
      closed = true
      unwatch()
      if (timer !== null) clearTimeout(timer)
      for (const { go } of waiting.splice(0)) go(false)
    },
  }
}
