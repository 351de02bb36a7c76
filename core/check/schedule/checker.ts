import type { ConfigOf } from '../../worker/definition.ts'
import type { Clock } from '../clock.ts'
import type { Checked, CheckedPath, checkerDefinition, RememberedMount } from '../messages.ts'
import type { Disk } from '../probes/disk.ts'
import { freshMemory, type PathMemory } from '../probes/findings.ts'
import { slowLimit } from '../verdict.ts'
import { createChecksOut } from './checks-out.ts'
import { createGate, type Gate } from './gate.ts'
import { createLooks } from './looks.ts'
import { patienceOf } from './patience.ts'
import { createQuickCheck, type QuickCheck, type QuickLanes } from './quick-check.ts'
import { createReportBatch } from './report-batch.ts'
import { createTelling } from './telling.ts'
import { dueAt, tickAfter } from './timetable.ts'
import { brokenProbe, isOn, isSameTarget, newCheck, type Watch } from './watched-path.ts'

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
  const isWatched = (watch: Watch) => watches.get(watch.target.id) === watch
  const out = createChecksOut({
    clock,
    disk,
    gate,
    telling,
    isWatched,
    anew: (watch) => anew(watch),
    buffered,
  })
  let intervalMs = 0

  const begin = (watch: Watch) => {
    const at = clock.wall()
    if (watch.check !== null) {
      if (watch.check.isOverdue) out.stillOut(watch, at, watch.check)
      return
    }
    const { target, memory } = watch
    const fileSystem = disk.fileSystemOf(target.path, memory)
    const sinceMs = gate.stuckSince(fileSystem)
    if (sinceMs !== null && gate.isFull(fileSystem)) return telling.fileSystemHung(watch, at, sinceMs)
    const check = newCheck(target.probes, at, clock.now())
    watch.check = check
    watch.begunMs = check.startedMs
    // The lanes see for themselves what takes long: a quick read needs no deadline until then.
    if (!watch.quick.begin(memory)) out.begin(watch, check)
  }

  const quickOf = (watch: () => Watch, target: CheckedPath): QuickCheck =>
    createQuickCheck(lanes, disk, target, {
      finished: (findings) => {
        const { check } = watch()
        if (check === null) return
        if (findings !== null) return out.settle(watch(), check, findings)
        if (check.isOverdue || !isWatched(watch())) {
          return out.settle(watch(), check, brokenProbe(check.progress, 'late', watch().memory))
        }
        check.pass.leave()
        out.begin(watch(), check)
      },
      stalled: (step) => {
        const { check } = watch()
        if (check !== null) out.stalled(watch(), check, step)
      },
    })

  const fire = (watch: Watch) => {
    watch.tick = tickAfter(watch.timetable, watch.tick, clock.now())
    watch.cancelTick = clock.at(dueAt(watch.timetable, watch.tick), () => fire(watch))
    begin(watch)
  }

  /** The path goes on with its timetable and its memory; what its last check still says is no more of interest. */
  const anew = (watch: Watch) => {
    watch.cancelTick()
    watch.quick.end()
    const next: Watch = { ...watch, quick: quickOf(() => next, watch.target), check: null }
    next.cancelTick = clock.at(dueAt(next.timetable, next.tick), () => fire(next))
    watches.set(next.target.id, next)
    begin(next)
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

  const add = (target: CheckedPath, remembered: RememberedMount | undefined) => {
    const watch: Watch = {
      target,
      timetable: { startMs: 0, intervalMs },
      tick: 0,
      cancelTick: () => undefined,
      memory: memoryOf(remembered),
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
      const timeoutMs = config.timeoutSeconds === null ? patience.timeoutMs : config.timeoutSeconds * 1000
      out.setPatience(timeoutMs, config.timeoutSeconds === null ? patience.fifoMs : timeoutMs)
      looks.every(config.timeoutSeconds === null ? patience.lookEveryMs : null)
      telling.setSlowLimit(slowLimit(config.slowSeconds * 1000, timeoutMs))
      const wanted = new Map(config.paths.map((target) => [target.id, target]))
      for (const watch of [...watches.values()]) {
        const target = wanted.get(watch.target.id)
        if (target === undefined || !isSameTarget(target, watch.target)) end(watch)
        else if (isNewInterval) startTimetable(watch)
      }
      for (const target of wanted.values()) {
        if (!watches.has(target.id)) add(target, config.knownMounts[target.id])
      }
    },
    checkNow: (only) => {
      out.leaveEnded()
      const isMeant = (watch: Watch) => {
        if (only === undefined) return true
        if ('ids' in only) return only.ids.includes(watch.target.id)
        if (only.points.some((point) => isOn(watch, point))) return true
        return watch.check?.isOverdue === true && out.isRemounted(watch, watch.check)
      }
      const meant = [...watches.values()].filter(isMeant)
      // What is out and left to itself then is in no other path's way.
      const [waiting, free] = [
        meant.filter(({ check }) => check !== null),
        meant.filter(({ check }) => check === null),
      ]
      for (const watch of [...waiting, ...free]) begin(watch)
    },
    stop: () => {
      for (const watch of [...watches.values()]) end(watch)
      out.stop()
      looks.stop()
      batch.stop()
    },
  }
}

function memoryOf(remembered: RememberedMount | undefined): PathMemory {
  if (remembered === undefined) return freshMemory
  const { soundErrorsCount, ...known } = remembered
  return { ...freshMemory, known, soundErrorsCount }
}
