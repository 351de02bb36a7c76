/** Checks of one file system that may be out at once, and so the threads that a dead disk can cost. */
const CHECKS_PER_FILE_SYSTEM = 4

/** One check's permit of its file system's semaphore. */
export interface Permit {
  /** false while the check still waits for its turn. */
  isGranted(): boolean
  /** The check is over, given up before its turn, or abandoned. May be repeated. */
  release(): void
  /** The check has outlived its deadline: its file system is taken to be blocked until it comes back. */
  markStuck(): void
  /** Of its file system: Semaphores.stuckSince. */
  stuckSince(): number | null
}

/** Of a check that has not asked for one yet. */
export const noPermit: Permit = {
  isGranted: () => false,
  release: () => undefined,
  markStuck: () => undefined,
  stuckSince: () => null,
}

/** A semaphore for each file system. */
export type Semaphores = ReturnType<typeof createSemaphores>

interface Holder {
  run: () => void
  state: 'waiting' | 'out' | 'released'
  since: number
  isStuck: boolean
}

/** @param now the monotonic clock in milliseconds. */
export function createSemaphores(now: () => number) {
  const semaphores = new Map<string, { out: Set<Holder>; waiting: Set<Holder> }>()

  const grant = (out: Set<Holder>, holder: Holder) => {
    out.add(holder)
    holder.state = 'out'
    holder.since = now()
    holder.run()
  }

  const release = (fileSystem: string, holder: Holder) => {
    const semaphore = semaphores.get(fileSystem)
    if (holder.state === 'released' || semaphore === undefined) return
    holder.state = 'released'
    const { out, waiting } = semaphore
    out.delete(holder)
    waiting.delete(holder)
    for (const next of waiting) {
      if (out.size >= CHECKS_PER_FILE_SYSTEM) break
      waiting.delete(next)
      grant(out, next)
    }
    if (out.size === 0 && waiting.size === 0) semaphores.delete(fileSystem)
  }

  const stuckSince = (fileSystem: string) => {
    const stuck = [...(semaphores.get(fileSystem)?.out ?? [])].filter(({ isStuck }) => isStuck)
    return stuck.length === 0 ? null : Math.min(...stuck.map(({ since }) => since))
  }

  return {
    /** Calls `run` at once or, when as many are out already, once one of them is released. */
    acquire: (fileSystem: string, run: () => void) => {
      const semaphore = semaphores.get(fileSystem) ?? { out: new Set(), waiting: new Set() }
      semaphores.set(fileSystem, semaphore)
      const holder: Holder = { run, state: 'waiting', since: 0, isStuck: false }
      if (semaphore.out.size < CHECKS_PER_FILE_SYSTEM) grant(semaphore.out, holder)
      else semaphore.waiting.add(holder)
      return {
        isGranted: () => holder.state !== 'waiting',
        release: () => release(fileSystem, holder),
        markStuck: () => {
          holder.isStuck = true
        },
        /** When the oldest stuck check of this file system was begun; null if none is stuck. */
        stuckSince: () => stuckSince(fileSystem),
      }
    },
    stuckSince,
    isFull: (fileSystem: string) => (semaphores.get(fileSystem)?.out.size ?? 0) >= CHECKS_PER_FILE_SYSTEM,
  }
}
