import type { ConcurrencyLimit } from '../concurrency-limit.ts'
import type { Findings } from '../probes/findings.ts'
import type { Disk } from '../probes/probe-runner.ts'
import type { Reporter } from './reporter.ts'
import { callAt } from './timetable.ts'
import { brokenProbe, Check, pointOf, type Watch } from './watched-path.ts'

/**
 * Checks of one mount point that were abandoned and are still out, at most: as many threads as a point can cost that is
 * mounted again and again and hangs each time, four a time. Then a path waits for its own check again.
 */
const MOST_ABANDONED = 32

export interface ChecksOutParts {
  disk: Disk
  limit: ConcurrencyLimit
  reporter: Reporter
  /** Called once for each path whose file system refuses O_DIRECT. */
  buffered(path: string): void
}

/** Checks that are out: each comes back, or its time is over. One that is not its path's own any more tells nothing. */
export class ChecksOut {
  readonly #parts: ChecksOutParts
  readonly #semaphores = new Semaphores()
  /** Mount points of the checks that are abandoned and still out. */
  readonly #abandoned = new Map<Check, string>()
  /** How long a check may take, in milliseconds. */
  timeoutMs = 0

  constructor(parts: ChecksOutParts) {
    this.#parts = parts
  }

  /**
   * Checks a path once its file system's semaphore and the limit let it. If its last check is overdue, that is told,
   * unless it says nothing of what is mounted now.
   */
  begin(watch: Watch): void {
    const { check } = watch
    if (check === null) this.#start(watch)
    else if (check.isOverdue) this.#stillOut(check, Date.now())
  }

  /** false while the check still waits for its turn. */
  isOut(check: Check): boolean {
    return this.#semaphores.isOut(check)
  }

  /** It was begun on a mount that is there no more. */
  isRemounted({ watch: { target, memory }, mountedAs }: Check): boolean {
    return this.#parts.disk.mountedAs(target.path, memory) !== mountedAs
  }

  /** Nobody wants to know of it any more: it never runs, or is left to itself. */
  letGo(check: Check): void {
    check.cancelDeadline()
    check.cancelSuspicion()
    this.#semaphores.release(check)
    if (check.watch.check === check) check.watch.check = null
  }

  #start(watch: Watch): void {
    const { disk, reporter } = this.#parts
    const at = Date.now()
    const fileSystem = disk.fileSystemOf(watch.target.path, watch.memory)
    const stuckMs = this.#semaphores.stuckSince(fileSystem)
    if (stuckMs !== null) {
      reporter.fileSystemHung(watch, at, stuckMs)
      return
    }
    const check = new Check(watch, at, fileSystem)
    watch.check = check
    watch.begunMs = performance.now()
    this.#armDeadline(check, watch.begunMs)
    this.#semaphores.acquire(check, () => this.#run(check))
  }

  #run(check: Check): void {
    const { disk, limit } = this.#parts
    const { target, memory } = check.watch
    const findings = limit.run(() => {
      check.begunMs = performance.now()
      check.mountedAs = disk.mountedAs(target.path, memory)
      return disk.check(target, memory, check.progress)
    })
    // A disk resolves whatever the system says; what it throws is a fault of its own, and is told as such.
    const broken = (error: unknown) => brokenProbe(check.progress, String(error), memory)
    void findings.catch(broken).then((found) => this.#finish(check, found))
  }

  #finish(check: Check, findings: Findings | null): void {
    this.#abandoned.delete(check)
    const { reporter, buffered } = this.#parts
    const { watch, at } = check
    const isItsOwn = watch.check === check
    this.letGo(check)
    // What comes too late has been told as a failure; the next good check takes that back, not this one.
    if (check.isOverdue || !isItsOwn) return
    if (findings === null) reporter.noThread(watch, at)
    else {
      if (findings.memory.isBuffered && !watch.memory.isBuffered) buffered(watch.target.path)
      watch.memory = findings.memory
      reporter.findings(watch, at, findings)
    }
  }

  #armDeadline(check: Check, fromMs: number): void {
    check.cancelDeadline = callAt(fromMs + this.timeoutMs, () => this.#overdue(check))
  }

  #overdue(check: Check): void {
    const { begunMs, fileSystem, watch, at } = check
    const now = performance.now()
    if (begunMs !== null && now >= begunMs + this.timeoutMs) {
      check.isOverdue = true
      this.#stillOut(check, at)
      return
    }
    const stuckMs = this.#semaphores.isOut(check) ? null : this.#semaphores.stuckSince(fileSystem)
    // Its time begins with its first call: it has waited for its turn, behind checks that do come back.
    if (stuckMs === null) this.#armDeadline(check, begunMs ?? now)
    else {
      this.letGo(check)
      this.#parts.reporter.fileSystemHung(watch, at, stuckMs)
    }
  }

  #stillOut(check: Check, at: number): void {
    const { watch, progress, begunMs } = check
    if (this.#abandon(check)) this.#start(watch)
    else this.#parts.reporter.hung(watch, at, progress, begunMs ?? performance.now())
  }

  /** Leaves a check to itself that says nothing of what is mounted now; false: it does, or too many are out. */
  #abandon(check: Check): boolean {
    const point = pointOf(check.watch)
    const count = [...this.#abandoned.values()].filter((one) => one === point).length
    if (count >= MOST_ABANDONED || !this.isRemounted(check)) return false
    this.#abandoned.set(check, point)
    this.letGo(check)
    return true
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
class Semaphores {
  readonly #semaphores = new Map<string, Semaphore>()

  /** Calls `run` at once or, when as many are out already, once one of them is released. */
  acquire(check: Check, run: () => void): void {
    const known = this.#semaphores.get(check.fileSystem) ?? { out: new Set(), waiting: new Map() }
    this.#semaphores.set(check.fileSystem, known)
    known.waiting.set(check, run)
    this.#serve(check.fileSystem, known)
  }

  /** The check is over, given up before its turn, or abandoned. May be repeated. */
  release(check: Check): void {
    const known = this.#semaphores.get(check.fileSystem)
    if (known === undefined) return
    known.out.delete(check)
    known.waiting.delete(check)
    this.#serve(check.fileSystem, known)
  }

  isOut(check: Check): boolean {
    return this.#semaphores.get(check.fileSystem)?.out.has(check) === true
  }

  /**
   * When as many are out as may be: when the oldest of those that are overdue was begun. Until it comes back its file
   * system is taken to hang.
   */
  stuckSince(fileSystem: string): number | null {
    const out = [...(this.#semaphores.get(fileSystem)?.out ?? [])]
    const stuck = out.length < CHECKS_PER_FILE_SYSTEM ? [] : out.filter(({ isOverdue }) => isOverdue)
    return stuck.length === 0 ? null : Math.min(...stuck.map(({ begunMs }) => begunMs ?? 0))
  }

  #serve(fileSystem: string, { out, waiting }: Semaphore): void {
    for (const [check, run] of waiting) {
      if (out.size >= CHECKS_PER_FILE_SYSTEM) break
      waiting.delete(check)
      out.add(check)
      run()
    }
    if (out.size === 0 && waiting.size === 0) this.#semaphores.delete(fileSystem)
  }
}
