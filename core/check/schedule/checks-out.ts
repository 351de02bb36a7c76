import type { Clock } from '../clock.ts'
import type { Disk } from '../probes/disk.ts'
import type { Findings } from '../probes/findings.ts'
import type { Room } from '../room.ts'
import type { Gate } from './gate.ts'
import type { Telling } from './telling.ts'
import { brokenProbe, type Check, newCheck, pointOf, type Watch } from './watched-path.ts'

/**
 * Checks of one mount point that were left to themselves and are still out, at most: as many threads as a point can cost
 * that is mounted anew again and again and hangs each time, four a time. Then a path waits for its own check again.
 */
const MOST_LEFT = 32

export interface ChecksOutParts {
  clock: Clock
  disk: Disk
  room: Room
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
  /** How long a check may take, in milliseconds. */
  setTimeout(ms: number): void
  /** Checks a path that has no check out, once the gate and the room let it pass. */
  begin(watch: Watch): void
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
  const { clock, disk, room, gate, telling, isWatched, anew, buffered } = parts
  const out = new Map<Check, Watch>()
  /** Those of them that were left to themselves, with their mount points. */
  const left = new Map<Check, string>()
  let timeoutMs = 0

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
    telling.hung(watch, at, check.progress, check.begunMs ?? clock.now())
  }

  const end = (watch: Watch, check: Check) => {
    check.cancelDeadline()
    check.cancelSuspicion()
    check.pass.leave()
    out.delete(check)
    left.delete(check)
    if (watch.check === check) watch.check = null
  }

  const settle = (watch: Watch, check: Check, findings: Findings | null) => {
    end(watch, check)
    // What comes too late has been told as a failure; the next good check takes that back, not this one.
    if (check.isOverdue || !isWatched(watch)) return
    if (findings === null) return telling.noRoom(watch, check.at)
    if (findings.memory.isBuffered && !watch.memory.isBuffered) buffered(watch.target.path)
    watch.memory = findings.memory
    telling.findings(watch, check.at, findings)
  }

  const overdue = (watch: Watch, check: Check, fileSystem: string) => {
    const { begunMs, pass } = check
    if (pass.entered()) {
      // It has waited for its turn: the time begins with its first call.
      if (begunMs === null || clock.now() < begunMs + timeoutMs) {
        return armDeadline(watch, check, begunMs ?? clock.now(), fileSystem)
      }
      check.isOverdue = true
      pass.stuck()
      if (isWatched(watch)) stillOut(watch, check.at, check)
      else leave(watch, check)
      return
    }
    const sinceMs = gate.stuckSince(fileSystem)
    // It waits behind slow checks that do come back: its turn will come.
    if (sinceMs === null) return armDeadline(watch, check, clock.now(), fileSystem)
    end(watch, check)
    telling.fileSystemHung(watch, check.at, sinceMs)
  }

  const armDeadline = (watch: Watch, check: Check, fromMs: number, fileSystem: string) => {
    check.cancelDeadline()
    check.cancelDeadline = clock.at(fromMs + timeoutMs, () => overdue(watch, check, fileSystem))
  }

  const run = (watch: Watch, check: Check) => {
    const { path, probes } = watch.target
    out.set(check, watch)
    room
      .run(() => {
        check.begunMs = clock.now()
        check.mountedAs = disk.mountedAs(path, watch.memory)
        return disk.check(path, probes, watch.memory, check.progress)
      })
      .then(
        (findings) => settle(watch, check, findings),
        // A disk resolves whatever the system says; what it throws is a fault of its own, and is told as such.
        (thrown) => settle(watch, check, brokenProbe(check.progress, String(thrown), watch.memory)),
      )
  }

  return {
    setTimeout: (ms) => {
      timeoutMs = ms
    },
    begin: (watch) => {
      const at = clock.wall()
      const fileSystem = disk.fileSystemOf(watch.target.path, watch.memory)
      const sinceMs = gate.stuckSince(fileSystem)
      if (sinceMs !== null && gate.isFull(fileSystem)) return telling.fileSystemHung(watch, at, sinceMs)
      const check = newCheck(watch.target.probes, at)
      watch.check = check
      watch.begunMs = clock.now()
      armDeadline(watch, check, watch.begunMs, fileSystem)
      check.pass = gate.pass(fileSystem, () => run(watch, check))
    },
    isRemounted,
    stillOut,
    leaveEnded: () => {
      for (const [check, watch] of out) {
        if (check.isOverdue && !isWatched(watch) && !left.has(check)) leave(watch, check)
      }
    },
    stop: () => {
      for (const check of out.keys()) check.cancelDeadline()
    },
  }
}
