import type { Clock } from '../clock.ts'
import type { ConcurrencyLimit } from '../concurrency-limit.ts'
import type { Disk } from '../probes/disk.ts'
import type { Findings } from '../probes/findings.ts'
import type { Reporter } from './reporter.ts'
import type { Semaphores } from './semaphores.ts'
import { brokenProbe, type Check, newCheck, pointOf, type Watch } from './watched-path.ts'

/**
 * Checks of one mount point that were abandoned and are still out, at most: as many threads as a point can cost
 * that is mounted checkAgain again and again and hangs each time, four a time. Then a path waits for its own check again.
 */
const MOST_ABANDONED = 32

export interface ChecksOutParts {
  clock: Clock
  disk: Disk
  limit: ConcurrencyLimit
  semaphores: Semaphores
  reporter: Reporter
  /** The path is still checked. */
  isWatched(watch: Watch): boolean
  /** The path's check has been abandoned: it is checked once more now. */
  checkAgain(watch: Watch): void
  /** Called once for each path whose file system refuses O_DIRECT. */
  buffered(path: string): void
}

/** Checks that are out, also those of paths that are no longer checked: each comes back, or its time is over. */
export function createChecksOut(parts: ChecksOutParts) {
  const { clock, disk, limit, semaphores, reporter, isWatched, checkAgain, buffered } = parts
  const out = new Set<Check>()
  let timeoutMs = 0

  const isRemounted = ({ watch: { target, memory }, mountedAs }: Check) =>
    disk.mountedAs(target.path, memory) !== mountedAs

  /** Leaves a check to itself that says nothing of what is mounted now; false: it does, or too many are out. */
  const abandon = (check: Check): boolean => {
    const point = pointOf(check.watch)
    const abandoned = [...out].filter(({ abandonedOn }) => abandonedOn === point).length
    if (abandoned >= MOST_ABANDONED || !isRemounted(check)) return false
    check.abandonedOn = point
    check.cancelSuspicion()
    check.permit.release()
    return true
  }

  const stillOut = (check: Check, at: number) => {
    if (abandon(check)) return checkAgain(check.watch)
    reporter.hung(check.watch, at, check.progress, check.begunMs ?? clock.now())
  }

  const end = (check: Check) => {
    check.cancelDeadline()
    check.cancelSuspicion()
    check.permit.release()
    out.delete(check)
    if (check.watch.check === check) check.watch.check = null
  }

  const finish = (check: Check, findings: Findings | null) => {
    end(check)
    const { watch, at } = check
    // What comes too late has been told as a failure; the next good check takes that back, not this one.
    if (check.isOverdue || !isWatched(watch)) return
    if (findings === null) return reporter.noThread(watch, at)
    if (findings.memory.isBuffered && !watch.memory.isBuffered) buffered(watch.target.path)
    watch.memory = findings.memory
    reporter.findings(watch, at, findings)
  }

  const armDeadline = (check: Check, fromMs: number) => {
    check.cancelDeadline()
    check.cancelDeadline = clock.at(fromMs + timeoutMs, () => overdue(check))
  }

  const overdue = (check: Check) => {
    const { begunMs, permit, watch, at } = check
    const now = clock.now()
    if (begunMs !== null && now >= begunMs + timeoutMs) {
      check.isOverdue = true
      permit.markStuck()
      if (isWatched(watch)) stillOut(check, at)
      else abandon(check)
      return
    }
    const stuckMs = permit.isGranted() ? null : permit.stuckSince()
    // Its time begins with its first call: it has waited for its turn, behind checks that do come back.
    if (stuckMs === null) return armDeadline(check, begunMs ?? now)
    end(check)
    reporter.fileSystemHung(watch, at, stuckMs)
  }

  const run = (check: Check) => {
    const { target, memory } = check.watch
    out.add(check)
    const findings = limit.run(() => {
      check.begunMs = clock.now()
      check.mountedAs = disk.mountedAs(target.path, memory)
      return disk.check(target.path, target.probes, memory, check.progress)
    })
    // A disk resolves whatever the system says; what it throws is a fault of its own, and is told as such.
    const broken = (thrown: unknown) => brokenProbe(check.progress, String(thrown), memory)
    void findings.catch(broken).then((found) => finish(check, found))
  }

  return {
    /** How long a check may take, in milliseconds. */
    setTimeout: (ms: number) => {
      timeoutMs = ms
    },
    /** Checks a path that has no check out, once its file system's semaphore and the limit let it. */
    begin: (watch: Watch) => {
      const at = clock.wall()
      const fileSystem = disk.fileSystemOf(watch.target.path, watch.memory)
      const stuckMs = semaphores.isFull(fileSystem) ? semaphores.stuckSince(fileSystem) : null
      if (stuckMs !== null) return reporter.fileSystemHung(watch, at, stuckMs)
      const check = newCheck(watch, at)
      watch.check = check
      watch.begunMs = clock.now()
      armDeadline(check, watch.begunMs)
      check.permit = semaphores.acquire(fileSystem, () => run(check))
    },
    /** It was begun on a mount that is there no more. */
    isRemounted,
    /** It is overdue: that is told, unless it says nothing of what is mounted now. */
    stillOut,
    /** A mount has changed: overdue checks of paths that are no longer checked are in no other path's way then. */
    abandonUnwatched: () => {
      for (const check of out) {
        if (check.isOverdue && !isWatched(check.watch) && check.abandonedOn === null) abandon(check)
      }
    },
    /** Nothing is told any more; what is out is left to itself. */
    stop: () => {
      for (const check of out) check.cancelDeadline()
    },
  }
}
