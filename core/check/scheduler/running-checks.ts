import type { ConcurrencyLimit } from '../concurrency-limit.ts'
import type { Findings } from '../probes/findings.ts'
import type { Disk } from '../probes/probe-runner.ts'
import type { Reporter } from './reporter.ts'
import { callAt } from './timetable.ts'
import { brokenProbe, Check, getMountPoint, type Watch } from './watched-path.ts'

/**
 * Limit of abandoned checks of one mount point that are still running. It bounds the threads that a point can block
 * which is mounted again and again and hangs each time, four threads each time. At the limit a path waits for its own
 * check.
 */
const MOST_ABANDONED = 32

export interface ChecksOutParts {
  disk: Disk
  limit: ConcurrencyLimit
  reporter: Reporter
  /** Called once for each path whose file system refuses O_DIRECT. */
  buffered(path: string): void
}

/** The running checks. Each returns or becomes overdue. The result of a check that its path has replaced is dropped. */
export class RunningChecks {
  readonly #parts: ChecksOutParts
  readonly #semaphores = new Semaphores()
  /** Mount points of abandoned checks that are still running. */
  readonly #abandoned = new Map<Check, string>()
  /** Time limit of a check, in milliseconds. */
  timeoutMs = 0

  constructor(parts: ChecksOutParts) {
    this.#parts = parts
  }

  /**
   * Checks a path once its file system's semaphore and the limit permit. If its last check is overdue, reports the
   * hang, unless that check began on a mount that is gone: then it is abandoned, and a new check starts.
   */
  begin(watch: Watch): void {
    const { check } = watch
    if (check === null) this.#start(watch)
    else if (check.isOverdue) this.#stillOut(check, Date.now())
  }

  /** Returns false while the check waits for its turn. */
  isOut(check: Check): boolean {
    return this.#semaphores.isOut(check)
  }

  /** True if the check began on a mount that is gone. */
  isRemounted({ watch: { target, memory }, mountedAs }: Check): boolean {
    return this.#parts.disk.mountedAs(target.path, memory) !== mountedAs
  }

  /** Cancels a check: it never runs, or its result is dropped. */
  cancel(check: Check): void {
    check.cancelDeadline()
    check.cancelSuspicion()
    this.#semaphores.release(check)
    if (check.watch.check === check) check.watch.check = null
  }

  #start(watch: Watch): void {
    const { disk, reporter } = this.#parts
    const at = Date.now()
    const fileSystem = disk.getFileSystem(watch.target.path, watch.memory)
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
    // A disk resolves whatever the system's calls return; an error that it throws is its own bug, and is reported.
    const broken = (error: unknown) => brokenProbe(check.progress, String(error), memory)
    void findings.catch(broken).then((found) => this.#finish(check, found))
  }

  #finish(check: Check, findings: Findings | null): void {
    this.#abandoned.delete(check)
    const { reporter, buffered } = this.#parts
    const { watch, at } = check
    const isItsOwn = watch.check === check
    this.cancel(check)
    // A late result was reported as a failure; the next good check reports the recovery.
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
    // Its time begins with its first call: so far it has waited for its turn, behind checks that do return.
    if (stuckMs === null) this.#armDeadline(check, begunMs ?? now)
    else {
      this.cancel(check)
      this.#parts.reporter.fileSystemHung(watch, at, stuckMs)
    }
  }

  #stillOut(check: Check, at: number): void {
    const { watch, progress, begunMs } = check
    if (this.#abandon(check)) this.#start(watch)
    else this.#parts.reporter.hung(watch, at, progress, begunMs ?? performance.now())
  }

  /** Abandons a check that began on a mount that is gone; false: its mount is the same, or too many were abandoned. */
  #abandon(check: Check): boolean {
    const point = getMountPoint(check.watch)
    const count = [...this.#abandoned.values()].filter((one) => one === point).length
    if (count >= MOST_ABANDONED || !this.isRemounted(check)) return false
    this.#abandoned.set(check, point)
    this.cancel(check)
    return true
  }
}

/** Limit of simultaneous checks on one file system, and therefore of the threads that a dead disk can block. */
const CHECKS_PER_FILE_SYSTEM = 4

interface Semaphore {
  out: Set<Check>
  /** Checks that wait for their turn, with the functions that start them. */
  waiting: Map<Check, () => void>
}

/** A semaphore for each file system. */
class Semaphores {
  readonly #semaphores = new Map<string, Semaphore>()

  /** Calls `run` at once or, at the limit, after a release. */
  acquire(check: Check, run: () => void): void {
    const known = this.#semaphores.get(check.fileSystem) ?? { out: new Set(), waiting: new Map() }
    this.#semaphores.set(check.fileSystem, known)
    known.waiting.set(check, run)
    this.#serve(check.fileSystem, known)
  }

  /** Releases a check that has ended, was cancelled before its turn, or was abandoned. May be repeated. */
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
   * Returns the start of the oldest overdue check if the file system is at its limit; else null. Until that check
   * returns, the file system counts as hung.
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
