import type { ConcurrencyLimit } from '../concurrency-limit.ts'
import type { Disk } from '../probes/disk.ts'
import type { Findings } from '../probes/findings.ts'
import type { Reporter } from './reporter.ts'
import { callAt } from './timetable.ts'
import { brokenProbe, type Check, newCheck, pointOf, type Watch } from './watched-path.ts'

/**
 * Checks of one mount point that were abandoned and are still out, at most: as many threads as a point can cost that is
 * mounted again and again and hangs each time, four a time. Then a path waits for its own check again.
 */
const MOST_ABANDONED = 32

interface ChecksOutParts {
  disk: Disk
  limit: ConcurrencyLimit
  reporter: Reporter
  /** Called once for each path whose file system refuses O_DIRECT. */
  buffered(path: string): void
}

/** Checks that are out: each comes back, or its time is over. One that is not its path's own any more tells nothing. */
export function createChecksOut({ disk, limit, reporter, buffered }: ChecksOutParts) {
  const semaphores = createSemaphores()
  /** Mount points of the checks that are abandoned and still out. */
  const abandoned = new Map<Check, string>()
  let timeoutMs = 0

  const isRemounted = ({ watch: { target, memory }, mountedAs }: Check) =>
    disk.mountedAs(target.path, memory) !== mountedAs

  const letGo = (check: Check) => {
    check.cancelDeadline()
    check.cancelSuspicion()
    semaphores.release(check)
    if (check.watch.check === check) check.watch.check = null
  }

  /** Leaves a check to itself that says nothing of what is mounted now; false: it does, or too many are out. */
  const abandon = (check: Check): boolean => {
    const point = pointOf(check.watch)
    const count = [...abandoned.values()].filter((one) => one === point).length
    if (count >= MOST_ABANDONED || !isRemounted(check)) return false
    abandoned.set(check, point)
    letGo(check)
    return true
  }

  const stillOut = (check: Check, at: number) => {
    if (abandon(check)) return start(check.watch)
    reporter.hung(check.watch, at, check.progress, check.begunMs ?? performance.now())
  }

  const finish = (check: Check, findings: Findings | null) => {
    abandoned.delete(check)
    const { watch, at } = check
    const isItsOwn = watch.check === check
    letGo(check)
    // What comes too late has been told as a failure; the next good check takes that back, not this one.
    if (check.isOverdue || !isItsOwn) return
    if (findings === null) return reporter.noThread(watch, at)
    if (findings.memory.isBuffered && !watch.memory.isBuffered) buffered(watch.target.path)
    watch.memory = findings.memory
    reporter.findings(watch, at, findings)
  }

  const armDeadline = (check: Check, fromMs: number) => {
    check.cancelDeadline = callAt(fromMs + timeoutMs, () => overdue(check))
  }

  const overdue = (check: Check) => {
    const { begunMs, fileSystem, watch, at } = check
    const now = performance.now()
    if (begunMs !== null && now >= begunMs + timeoutMs) {
      check.isOverdue = true
      return stillOut(check, at)
    }
    const stuckMs = semaphores.isOut(check) ? null : semaphores.stuckSince(fileSystem)
    // Its time begins with its first call: it has waited for its turn, behind checks that do come back.
    if (stuckMs === null) return armDeadline(check, begunMs ?? now)
    letGo(check)
    reporter.fileSystemHung(watch, at, stuckMs)
  }

  const run = (check: Check) => {
    const { target, memory } = check.watch
    const findings = limit.run(() => {
      check.begunMs = performance.now()
      check.mountedAs = disk.mountedAs(target.path, memory)
      return disk.check(target.path, target.probes, memory, check.progress)
    })
    // A disk resolves whatever the system says; what it throws is a fault of its own, and is told as such.
    const broken = (thrown: unknown) => brokenProbe(check.progress, String(thrown), memory)
    void findings.catch(broken).then((found) => finish(check, found))
  }

  const start = (watch: Watch) => {
    const at = Date.now()
    const fileSystem = disk.fileSystemOf(watch.target.path, watch.memory)
    const stuckMs = semaphores.isFull(fileSystem) ? semaphores.stuckSince(fileSystem) : null
    if (stuckMs !== null) return reporter.fileSystemHung(watch, at, stuckMs)
    const check = newCheck(watch, at, fileSystem)
    watch.check = check
    watch.begunMs = performance.now()
    armDeadline(check, watch.begunMs)
    semaphores.acquire(check, () => run(check))
  }

  return {
    /** How long a check may take, in milliseconds. */
    setTimeout: (ms: number) => {
      timeoutMs = ms
    },
    /**
     * Checks a path once its file system's semaphore and the limit let it. If its last check is overdue, that is told,
     * unless it says nothing of what is mounted now.
     */
    begin: (watch: Watch) => {
      const { check } = watch
      if (check === null) start(watch)
      else if (check.isOverdue) stillOut(check, Date.now())
    },
    /** false while the check still waits for its turn. */
    isOut: semaphores.isOut,
    /** It was begun on a mount that is there no more. */
    isRemounted,
    /** Nobody wants to know of it any more: it never runs, or is left to itself. */
    letGo,
  }
}

/** Checks of one file system that may be out at once, and so the threads that a dead disk can cost. */
const CHECKS_PER_FILE_SYSTEM = 4

interface Semaphore {
  out: Set<Check>
  /** Those that wait for their turn, and what begins them. */
  waiting: Map<Check, () => void>
}

/** A semaphore for each file system. */
function createSemaphores() {
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
    isOut: (check: Check) => semaphores.get(check.fileSystem)?.out.has(check) === true,
    isFull: (fileSystem: string) => (semaphores.get(fileSystem)?.out.size ?? 0) >= CHECKS_PER_FILE_SYSTEM,
    /** When the oldest of the overdue checks that are out was begun: until it comes back its file system is taken to hang. */
    stuckSince: (fileSystem: string) => {
      const stuck = [...(semaphores.get(fileSystem)?.out ?? [])].filter(({ isOverdue }) => isOverdue)
      return stuck.length === 0 ? null : Math.min(...stuck.map(({ begunMs }) => begunMs ?? 0))
    },
  }
}
