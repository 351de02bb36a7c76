import type { ConfigOf } from '../../worker/definition.ts'
import type { Clock } from '../clock.ts'
import type { Checked, CheckedPath, checkerDefinition } from '../messages.ts'
import type { Disk } from '../probes/disk.ts'
import { type Findings, freshMemory, type PathMemory } from '../probes/findings.ts'
import { slowLimit } from '../verdict.ts'
import { createGate, type Gate } from './gate.ts'
import { createLooks } from './looks.ts'
import { patienceOf } from './patience.ts'
import { createQuickCheck, type QuickCheck, type QuickLanes } from './quick-check.ts'
import { createReportBatch } from './report-batch.ts'
import { createTelling } from './telling.ts'
import { dueAt, tickAfter } from './timetable.ts'
import { brokenProbe, type Check, isSameTarget, newCheck, pointOf, type Watch } from './watched-path.ts'

export type CheckerConfig = ConfigOf<typeof checkerDefinition>

export interface CheckerPorts {
  clock: Clock
  disk: Disk
  lanes: QuickLanes
  report(checked: Checked[]): void
  /** Called once for each path whose file system refuses O_DIRECT. */
  buffered(path: string): void
}

export interface Checker {
  /** Starts and ends the checks of paths; those that stay keep their timetable unless the interval changes. */
  configure(config: CheckerConfig): void
  /** Checks every path now, or those on these mount points alone, besides their timetable. */
  checkNow(only?: { points: readonly string[] } | { ids: readonly string[] }): void
  /** Returns at once; checks that are out are left to themselves. */
  stop(): void
}

/** Checks every path on its own timetable; no path waits for another, and each has one check out at most. */
export function createChecker({ clock, disk, lanes, report, buffered }: CheckerPorts): Checker {
  const watches = new Map<string, Watch>()
  const gate: Gate = createGate(() => clock.now())
  const batch = createReportBatch(clock, report)
  const telling = createTelling(clock, batch)
  /** Checks that are out, also those of paths that are no longer checked. */
  const out = new Set<Check>()
  let intervalMs = 0
  let timeoutMs = 0
  let fifoMs = 0

  const tellHung = (watch: Watch, at: number, { progress, startedMs }: Check) =>
    telling.hung(watch, at, progress, progress.begunMs ?? startedMs)

  const settle = (watch: Watch, check: Check, findings: Findings) => {
    check.cancelDeadline()
    check.cancelSuspicion()
    check.pass.leave()
    out.delete(check)
    if (watch.check === check) watch.check = null
    // What comes too late has been told as a failure; the next good check takes that back, not this one.
    if (check.isOverdue || watches.get(watch.target.id) !== watch) return
    if (findings.memory.isBuffered && !watch.memory.isBuffered) buffered(watch.target.path)
    watch.memory = findings.memory
    telling.findings(watch, check.at, findings)
  }

  const run = (watch: Watch, check: Check) => {
    check.startedMs = clock.now()
    check.progress.begunMs = check.startedMs
    check.isKindAsked = false
    out.add(check)
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
    if (watches.get(watch.target.id) === watch) tellHung(watch, check.at, check)
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
    const { path } = watch.target
    const fileSystem = disk.fileSystemOf(path, watch.memory)
    const wait = () => {
      check.cancelDeadline = clock.at(fromMs + timeoutMs, () => overdue(watch, check, fileSystem))
    }
    if (timeoutMs <= fifoMs) return wait()
    check.cancelDeadline = clock.at(fromMs + fifoMs, () => {
      wait()
      // What waits at the gate may wait for a file system that hangs: to ask there would cost a thread for each path.
      if (!check.pass.entered() || check.isKindAsked) return
      check.isKindAsked = true
      void disk.kindAt(path).then((kind) => kind === 'fifo' && fifoHangs(watch, check))
    })
  }

  const fifoHangs = (watch: Watch, check: Check) => {
    if (!out.has(check) || check.isOverdue) return
    check.cancelDeadline()
    check.pass.leave()
    hangs(watch, check)
  }

  const begin = (watch: Watch) => {
    const at = clock.wall()
    if (watch.check !== null) {
      if (watch.check.isOverdue) tellHung(watch, at, watch.check)
      return
    }
    const fileSystem = disk.fileSystemOf(watch.target.path, watch.memory)
    const sinceMs = gate.stuckSince(fileSystem)
    if (sinceMs !== null && gate.isFull(fileSystem)) return telling.fileSystemHung(watch, at, sinceMs)
    const check = newCheck(watch.target.probes, at, clock.now())
    watch.check = check
    watch.begunMs = check.startedMs
    // The lanes see for themselves what takes long: a quick read needs no deadline until then.
    if (!watch.quick.begin(watch.memory)) beginFully(watch, check)
  }

  const beginFully = (watch: Watch, check: Check) => {
    const fileSystem = disk.fileSystemOf(watch.target.path, watch.memory)
    armDeadline(watch, check, clock.now())
    check.pass = gate.pass(fileSystem, () => run(watch, check))
  }

  const quickOf = (watch: () => Watch, target: CheckedPath): QuickCheck =>
    createQuickCheck(lanes, disk, target, {
      finished: (findings) => {
        const { check } = watch()
        if (check === null) return
        if (findings !== null) return settle(watch(), check, findings)
        if (check.isOverdue || watches.get(target.id) !== watch()) {
          return settle(watch(), check, brokenProbe(check.progress, 'late', watch().memory))
        }
        check.pass.leave()
        beginFully(watch(), check)
      },
      stalled: (step) => {
        const { check, memory } = watch()
        if (check === null) return
        out.add(check)
        Object.assign(check.progress, { probe: 'read', step, begunMs: check.startedMs })
        check.pass = gate.occupy(disk.fileSystemOf(target.path, memory), check.startedMs)
        armDeadline(watch(), check, check.startedMs)
        // A FIFO has taken the file's place: the file system is not to blame.
        void disk.kindAt(target.path).then((kind) => {
          if (kind !== null && kind !== 'storage') check.pass.leave()
        })
      },
    })

  const fire = (watch: Watch) => {
    watch.tick = tickAfter(watch.timetable, watch.tick, clock.now())
    watch.cancelTick = clock.at(dueAt(watch.timetable, watch.tick), () => fire(watch))
    begin(watch)
  }

  const looks = createLooks(
    clock,
    watches,
    ({ target, memory }) => disk.fileSystemOf(target.path, memory),
    begin,
  )

  const startTimetable = (watch: Watch) => {
    watch.cancelTick()
    watch.timetable = { startMs: clock.now(), intervalMs }
    watch.tick = 0
    fire(watch)
  }

  const end = (watch: Watch) => {
    watch.cancelTick()
    // A check that only waits never needs to run; one that is out keeps its place, and its deadline, until it
    // comes back: its file system may be blocked for the paths that stay.
    if (watch.check !== null && !watch.check.pass.entered()) {
      watch.check.cancelDeadline()
      watch.check.pass.leave()
    }
    watch.check?.cancelSuspicion()
    watch.quick.end()
    watches.delete(watch.target.id)
    batch.forget(watch.target.id)
  }

  const add = (target: CheckedPath, known: PathMemory['known']) => {
    const watch: Watch = {
      target,
      timetable: { startMs: 0, intervalMs },
      tick: 0,
      cancelTick: () => undefined,
      memory: { ...freshMemory, known },
      quick: quickOf(() => watch, target),
      begunMs: Number.NEGATIVE_INFINITY,
      lookedAtMs: Number.NEGATIVE_INFINITY,
      check: null,
    }
    watches.set(target.id, watch)
    startTimetable(watch)
  }

  return {
    configure: (config) => {
      const isNewInterval = intervalMs !== config.intervalSeconds * 1000
      intervalMs = config.intervalSeconds * 1000
      const patience = patienceOf(intervalMs)
      timeoutMs = config.timeoutSeconds === null ? patience.timeoutMs : config.timeoutSeconds * 1000
      fifoMs = config.timeoutSeconds === null ? patience.fifoMs : timeoutMs
      looks.every(config.timeoutSeconds === null ? patience.lookEveryMs : null)
      telling.setSlowLimit(slowLimit(config.slowSeconds * 1000, timeoutMs))
      const wanted = new Map(config.paths.map((target) => [target.id, target]))
      for (const watch of [...watches.values()]) {
        const target = wanted.get(watch.target.id)
        if (target === undefined || !isSameTarget(target, watch.target)) end(watch)
        else if (isNewInterval) startTimetable(watch)
      }
      for (const target of wanted.values()) {
        if (!watches.has(target.id)) add(target, config.knownMounts[target.id] ?? null)
      }
    },
    checkNow: (only) => {
      const isMeant = (watch: Watch) => {
        if (only === undefined) return true
        return 'ids' in only ? only.ids.includes(watch.target.id) : only.points.includes(pointOf(watch))
      }
      for (const watch of watches.values()) if (isMeant(watch)) begin(watch)
    },
    stop: () => {
      for (const watch of [...watches.values()]) end(watch)
      for (const check of out) check.cancelDeadline()
      looks.stop()
      batch.stop()
    },
  }
}
