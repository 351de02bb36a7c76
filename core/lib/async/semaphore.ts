/** A counting semaphore with a first-in, first-out queue, regardless of the amounts requested. */
export interface Semaphore {
  /** Resolves to true once `amount` is granted, or to false if the semaphore was closed. */
  acquire(amount?: number): Promise<boolean>
  /** Acquires `amount` immediately if it is available and the queue is empty. */
  tryAcquire(amount?: number): boolean
  release(amount?: number): void
  /** Resolves all current and future requests with false. */
  close(): void
}

export function createSemaphore(total: number): Semaphore {
  let available = total
  let closed = false
  const waiting: { amount: number; grant: (granted: boolean) => void }[] = []

  const serve = () => {
    for (let first = waiting[0]; first !== undefined && first.amount <= available; first = waiting[0]) {
      waiting.shift()
      available -= first.amount
      first.grant(true)
    }
  }

  const tryAcquire = (amount = 1): boolean => {
    if (closed || waiting.length > 0 || amount > available) return false
    available -= amount
    return true
  }

  return {
    tryAcquire,
    acquire(amount = 1) {
      if (closed) return Promise.resolve(false)
      if (tryAcquire(amount)) return Promise.resolve(true)
      return new Promise((grant) => waiting.push({ amount, grant }))
    },
    release(amount = 1) {
      available += amount
      serve()
    },
    close() {
      closed = true
      for (const { grant } of waiting.splice(0)) grant(false)
    },
  }
}

/** Runs a task with a permit; immediately if one is available. */
export async function withPermit<T>(semaphore: Semaphore, task: () => Promise<T>): Promise<T> {
  if (!semaphore.tryAcquire()) await semaphore.acquire()
  try {
    return await task()
  } finally {
    semaphore.release()
  }
}
