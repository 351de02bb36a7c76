import type { Clock } from '../clock.ts'
import type { ReadStep } from '../lanes/lane-memory.ts'
import type { Disk } from '../probes/disk.ts'
import type { Findings } from '../probes/findings.ts'
import type { Gate } from './gate.ts'
import type { Telling } from './telling.ts'
import { brokenProbe, type Check, pointOf, type Watch } from './watched-path.ts'

/**
 * Checks of one mount point that were left to themselves and are still out, at most: as many threads as a point can cost
 * that is mounted anew again and again and hangs each time, four a time. Then a path waits for its own check again.
 */
const MOST_LEFT = 32

export interface ChecksOutParts {
  clock: Clock
  disk: Disk
  gate: Gate
  telling: Telling
  /** The path is still checked. */
  isWatched(watch: Watch): boolean
  /** The path's check has been left to itself: it is checked once more now. */
  anew(watch: Watch): void
  /** Called once for each path whose file system refuses O_DIRECT. */
  buffered(path: string): void
}

/** Checks that are out, also those of paths that are no longer checked: each comes back, or its time is over. */
export interface ChecksOut {
  /** How long a check may take; `fifoMs`: after that it is asked whether a FIFO waits for its other end. */
  setPatience(timeoutMs: number, fifoMs: number): void
  /** All the probes, once the gate lets them pass. */
  begin(watch: Watch, check: Check): void
  /** A quick read takes long, and has a thread of its own now. */
  stalled(watch: Watch, check: Check, step: ReadStep): void
  settle(watch: Watch, check: Check, findings: Findings): void
  /** It was begun on a mount that is there no more. */
  isRemounted(watch: Watch, check: Check): boolean
  /** It is overdue: that is told, unless it says nothing of what is mounted now. */
  stillOut(watch: Watch, at: number, check: Check): void
  /** A mount has changed: overdue checks of paths that are no longer checked are in no other path's way then. */
  leaveEnded(): void
  /** Nothing is told any more; what is out is left to itself. */
  stop(): void
}

export function createChecksOut(parts: ChecksOutParts): ChecksOut {
  const { clock, disk, gate, telling, isWatched, anew, buffered } = parts
  const out = new Map<Check, Watch>()
  /** Those of them that were left to themselves, with their mount points. */
  const left = new Map<Check, string>()
  let timeoutMs = 0
  let fifoMs = 0

  const isRemounted = ({ target, memory }: Watch, { mountedAs }: Check) =>
    disk.mountedAs(target.path, memory) !== mountedAs

  const leave = (watch: Watch, check: Check): boolean => {
    const point = pointOf(watch)
    const lost = [...left.values()].filter((one) => one === point).length
    if (lost >= MOST_LEFT || !isRemounted(watch, check)) return false
    left.set(check, point)
    check.cancelSuspicion()
    check.pass.leave()
    return true
  }

  const stillOut = (watch: Watch, at: number, check: Check) => {
    if (leave(watch, check)) return anew(watch)
    telling.hung(watch, at, check.progress, check.progress.begunMs ?? check.startedMs)
  }

  const settle = (watch: Watch, check: Check, findings: Findings) => {
    check.cancelDeadline()
    check.cancelSuspicion()
    check.pass.leave()
    out.delete(check)
    left.delete(check)
    if (watch.check === check) watch.check = null
    // What comes too late has been told as a failure; the next good check takes that back, not this one.
    if (check.isOverdue || !isWatched(watch)) return
    if (findings.memory.isBuffered && !watch.memory.isBuffered) buffered(watch.target.path)
    watch.memory = findings.memory
    telling.findings(watch, check.at, findings)
  }

  const run = (watch: Watch, check: Check) => {
    check.startedMs = clock.now()
    check.mountedAs = disk.mountedAs(watch.target.path, watch.memory)
    Object.assign(check.progress, { begunMs: check.startedMs, kind: null })
    out.set(check, watch)
    armDeadline(watch, check, check.startedMs)
    const { path, probes } = watch.target
    disk.check(path, probes, watch.memory, check.progress).then(
      (findings) => {
        watch.quick.fullCheckTook(clock.now() - check.startedMs)
        settle(watch, check, findings)
      },
      // A disk resolves whatever the system says; what it throws is a fault of its own, and is told as such.
      (thrown) => settle(watch, check, brokenProbe(check.progress, String(thrown), watch.memory)),
    )
  }

  const hangs = (watch: Watch, check: Check) => {
    check.isOverdue = true
    check.pass.stuck()
    if (isWatched(watch)) stillOut(watch, check.at, check)
    else leave(watch, check)
  }

  const leaveEnded = () => {
    for (const [check, watch] of out) {
      if (check.isOverdue && !isWatched(watch) && !left.has(check)) leave(watch, check)
    }
  }

  const overdue = (watch: Watch, check: Check, fileSystem: string) => {
    const { begunMs } = check.progress
    if (check.pass.entered() && (begunMs === null || clock.now() < begunMs + timeoutMs)) {
      // It has waited for a thread: the time begins with its first call.
      return armDeadline(watch, check, begunMs ?? clock.now())
    }
    if (check.pass.entered()) return hangs(watch, check)
    const sinceMs = gate.stuckSince(fileSystem)
    // It waits behind slow checks that do come back: its turn will come.
    if (sinceMs === null) return armDeadline(watch, check, clock.now())
    check.pass.leave()
    watch.check = null
    telling.fileSystemHung(watch, check.at, sinceMs)
  }

  const armDeadline = (watch: Watch, check: Check, fromMs: number) => {
    check.cancelDeadline()
    const fileSystem = disk.fileSystemOf(watch.target.path, watch.memory)
    const wait = () => {
      check.cancelDeadline = clock.at(fromMs + timeoutMs, () => overdue(watch, check, fileSystem))
    }
    if (timeoutMs <= fifoMs) return wait()
    check.cancelDeadline = clock.at(fromMs + fifoMs, () => {
      // The check knows by itself: to ask the path for it would cost each that hangs a second thread.
      if (!out.has(check) || check.progress.kind !== 'fifo') return wait()
      check.pass.leave()
      hangs(watch, check)
    })
  }

  const begin = (watch: Watch, check: Check) => {
    // A quick read that has come back; from here on it may have to wait for its turn.
    out.delete(check)
    const fileSystem = disk.fileSystemOf(watch.target.path, watch.memory)
    armDeadline(watch, check, clock.now())
    check.pass = gate.pass(fileSystem, () => run(watch, check))
  }

  return {
    setPatience(timeout, fifo) {
      timeoutMs = timeout
      fifoMs = fifo
    },
    begin,
    stalled(watch, check, step) {
      const { target, memory } = watch
      out.set(check, watch)
      // Looked at late, as it is for few reads.
      const isAsBefore = disk.isMountedAsBefore(memory)
      check.mountedAs = isAsBefore ? disk.mountedAs(target.path, memory) : null
      Object.assign(check.progress, { probe: 'read', step, begunMs: check.startedMs })
      check.pass = gate.occupy(disk.fileSystemOf(target.path, memory), check.startedMs)
      armDeadline(watch, check, check.startedMs)
      // A lane only opens and reads; there are a few of them, so that these questions cost a few threads.
      void disk.kindAt(target.path).then((kind) => {
        if (kind === null || kind === 'storage') return
        // A FIFO, say, has taken the file's place: the file system is not to blame.
        check.pass.leave()
        check.progress.kind = kind
        if (out.has(check) && !check.isOverdue) armDeadline(watch, check, check.startedMs)
      })
    },
    settle,
    isRemounted,
    stillOut,
    leaveEnded,
    stop() {
      for (const check of out.keys()) check.cancelDeadline()
    },
  }
}
