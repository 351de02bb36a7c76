import type { Check } from './watched-path.ts'

/** Checks of one file system that may be out at once, and so the threads that a dead disk can cost. */
const CHECKS_PER_FILE_SYSTEM = 4

/** A semaphore for each file system. */
export type Semaphores = ReturnType<typeof createSemaphores>

interface Semaphore {
  out: Set<Check>
  /** Those that wait for their turn, and what begins them. */
  waiting: Map<Check, () => void>
}

export function createSemaphores() {
  const semaphores = new Map<string, Semaphore>()

  const serve = (fileSystem: string, { out, waiting }: Semaphore) => {
    for (const [check, run] of waiting) {
      if (out.size >= CHECKS_PER_FILE_SYSTEM) break
      waiting.delete(check)
      out.add(check)
      run()
    }
    if (out.size === 0 && waiting.size === 0) semaphores.delete(fileSystem)
  }

  return {
    /** Calls `run` at once or, when as many are out already, once one of them is released. */
    acquire: (check: Check, run: () => void) => {
      const known = semaphores.get(check.fileSystem) ?? { out: new Set(), waiting: new Map() }
      semaphores.set(check.fileSystem, known)
      known.waiting.set(check, run)
      serve(check.fileSystem, known)
    },
    /** The check is over, given up before its turn, or abandoned. May be repeated. */
    release: (check: Check) => {
      const known = semaphores.get(check.fileSystem)
      if (known === undefined) return
      known.out.delete(check)
      known.waiting.delete(check)
      serve(check.fileSystem, known)
    },
    /** false while the check still waits for its turn. */
    isOut: (check: Check) => semaphores.get(check.fileSystem)?.out.has(check) === true,
    isFull: (fileSystem: string) => (semaphores.get(fileSystem)?.out.size ?? 0) >= CHECKS_PER_FILE_SYSTEM,
    /** When the oldest of the overdue checks that are out was begun: until it comes back its file system is taken to hang. */
    stuckSince: (fileSystem: string) => {
      const stuck = [...(semaphores.get(fileSystem)?.out ?? [])].filter(({ isOverdue }) => isOverdue)
      return stuck.length === 0 ? null : Math.min(...stuck.map(({ begunMs }) => begunMs ?? 0))
    },
  }
}
