/** What waits for the disk, which may never answer. */
export interface Pending {
  /** What an answer gives, or `lost` once the session has ended. Never rejects unless the answer does. */
  orLost<T>(answer: Promise<T>, lost: T): Promise<T>
  /** `onLost` is called when the session ends, unless what is returned was called before. */
  add(onLost: () => void): () => void
  close(): void
}

export function createPending(): Pending {
  const waiting = new Set<() => void>()
  let closed = false

  const add = (onLost: () => void): (() => void) => {
    if (closed) onLost()
    else waiting.add(onLost)
    return () => void waiting.delete(onLost)
  }

  return {
    add,
    orLost: (answer, lost) =>
      new Promise((resolve, reject) => {
        const remove = add(() => resolve(lost))
        answer.then(resolve, reject).finally(remove)
      }),
    close() {
      closed = true
      for (const onLost of waiting) onLost()
      waiting.clear()
    },
  }
}
