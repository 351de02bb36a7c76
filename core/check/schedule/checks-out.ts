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
  isRemounted(check: Check): boolean
  /** It is overdue: that is told, unless it says nothing of what is mounted now. */
  stillOut(check: Check, at: number): void
  /** A mount has changed: overdue checks of paths that are no longer checked are in no other path's way then. */
  leaveEnded(): void
  /** Nothing is told any more; what is out is left to itself. */
  stop(): void
}

export function createChecksOut(parts: ChecksOutParts): ChecksOut {
  const { clock, disk, room, gate, telling, isWatched, anew, buffered } = parts
  const out = new Set<Check>()
  let timeoutMs = 0

  const isRemounted = ({ watch: { target, memory }, mountedAs }: Check) =>
    disk.mountedAs(target.path, memory) !== mountedAs

  /** Whether the check could be left to itself: it says nothing of what is mounted now. */
  const leave = (check: Check): boolean => {
    const point = pointOf(check.watch)
    const left = [...out].filter(({ leftOn }) => leftOn === point).length
    if (left >= MOST_LEFT || !isRemounted(check)) return false
    check.leftOn = point
    check.cancelSuspicion()
    check.pass.leave()
    return true
  }

  const stillOut = (check: Check, at: number) => {
    if (leave(check)) return anew(check.watch)
    telling.hung(check.watch, at, check.progress, check.begunMs ?? clock.now())
  }

  const end = (check: Check) => {
    check.cancelDeadline()
    check.cancelSuspicion()
    check.pass.leave()
    out.delete(check)
    if (check.watch.check === check) check.watch.check = null
  }

  const settle = (check: Check, findings: Findings | null) => {
    end(check)
    const { watch, at } = check
    // What comes too late has been told as a failure; the next good check takes that back, not this one.
    if (check.isOverdue || !isWatched(watch)) return
    if (findings === null) return telling.noRoom(watch, at)
    if (findings.memory.isBuffered && !watch.memory.isBuffered) buffered(watch.target.path)
    watch.memory = findings.memory
    telling.findings(watch, at, findings)
  }

  const armDeadline = (check: Check, fromMs: number) => {
    check.cancelDeadline()
    check.cancelDeadline = clock.at(fromMs + timeoutMs, () => overdue(check))
  }

  const overdue = (check: Check) => {
    const { begunMs, pass, watch, at } = check
    const now = clock.now()
    if (begunMs !== null && now >= begunMs + timeoutMs) {
      check.isOverdue = true
      pass.stuck()
      if (isWatched(watch)) stillOut(check, at)
      else leave(check)
      return
    }
    const stuckMs = pass.entered() ? null : pass.stuckSince()
    // Its time begins with its first call: it has waited for its turn, behind checks that do come back.
    if (stuckMs === null) return armDeadline(check, begunMs ?? now)
    end(check)
    telling.fileSystemHung(watch, at, stuckMs)
  }

  const run = (check: Check) => {
    const { target, memory } = check.watch
    out.add(check)
    const findings = room.run(() => {
      check.begunMs = clock.now()
      check.mountedAs = disk.mountedAs(target.path, memory)
      return disk.check(target.path, target.probes, memory, check.progress)
    })
    // A disk resolves whatever the system says; what it throws is a fault of its own, and is told as such.
    const broken = (thrown: unknown) => brokenProbe(check.progress, String(thrown), memory)
    void findings.catch(broken).then((found) => settle(check, found))
  }

  return {
    setTimeout: (ms) => {
      timeoutMs = ms
    },
    begin: (watch) => {
      const at = clock.wall()
      const fileSystem = disk.fileSystemOf(watch.target.path, watch.memory)
      const stuckMs = gate.isFull(fileSystem) ? gate.stuckSince(fileSystem) : null
      if (stuckMs !== null) return telling.fileSystemHung(watch, at, stuckMs)
      const check = newCheck(watch, at)
      watch.check = check
      watch.begunMs = clock.now()
      armDeadline(check, watch.begunMs)
      check.pass = gate.pass(fileSystem, () => run(check))
    },
    isRemounted,
    stillOut,
    leaveEnded: () => {
      for (const check of out) {
        if (check.isOverdue && !isWatched(check.watch) && check.leftOn === null) leave(check)
      }
    },
    stop: () => {
      for (const check of out) check.cancelDeadline()
    },
  }
}
