import type { ConfigOf } from '../../worker/definition.ts'
import type { Clock } from '../clock.ts'
import type { ConcurrencyLimit } from '../concurrency-limit.ts'
import type { Checked, CheckedPath, checkerDefinition, RememberedMount } from '../messages.ts'
import type { Disk } from '../probes/disk.ts'
import { freshMemory, type PathMemory } from '../probes/findings.ts'
import { slowLimit } from '../verdict.ts'
import { createChecksOut } from './checks-out.ts'
import { createReportBatch } from './report-batch.ts'
import { createReporter } from './reporter.ts'
import { createSemaphores } from './semaphores.ts'
import { createSpotChecks } from './spot-checks.ts'
import { dueAt, patienceOf, tickAfter } from './timetable.ts'
import { isOn, isSameTarget, type Watch } from './watched-path.ts'

export type CheckerConfig = ConfigOf<typeof checkerDefinition>

export interface CheckerPorts {
  clock: Clock
  disk: Disk
  limit: ConcurrencyLimit
  report(checked: Checked[]): void
  /** Called once for each path whose file system refuses O_DIRECT. */
  buffered(path: string): void
}

/** Checks every path on its own timetable; no path waits for another, and each has one check out at most. */
export function createChecker({ clock, disk, limit, report, buffered }: CheckerPorts) {
  const watches = new Map<string, Watch>()
  const batch = createReportBatch(clock, report)
  const reporter = createReporter(clock, batch)
  const isWatched = (watch: Watch) => watches.get(watch.target.id) === watch
  const out = createChecksOut({
    clock,
    disk,
    limit,
    semaphores: createSemaphores(() => clock.now()),
    reporter,
    isWatched,
    checkAgain: (watch) => checkAgain(watch),
    buffered,
  })
  let intervalMs = 0

  const begin = (watch: Watch) => {
    const { check } = watch
    if (check === null) out.begin(watch)
    else if (check.isOverdue) out.stillOut(check, clock.wall())
  }

  const fire = (watch: Watch) => {
    watch.tick = tickAfter(watch.timetable, watch.tick, clock.now())
    watch.cancelTick = clock.at(dueAt(watch.timetable, watch.tick), () => fire(watch))
    begin(watch)
  }

  /** The path goes on with its timetable and its memory; what its last check still says is no more of interest. */
  const checkAgain = (watch: Watch) => {
    watch.cancelTick()
    const next: Watch = { ...watch, check: null }
    next.cancelTick = clock.at(dueAt(next.timetable, next.tick), () => fire(next))
    watches.set(next.target.id, next)
    begin(next)
  }

  const spotChecks = createSpotChecks(
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
    if (watch.check !== null && !watch.check.permit.isGranted()) {
      watch.check.cancelDeadline()
      watch.check.permit.release()
    }
    watch.check?.cancelSuspicion()
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
      begunMs: Number.NEGATIVE_INFINITY,
      spotCheckedMs: Number.NEGATIVE_INFINITY,
      check: null,
    }
    watches.set(target.id, watch)
    startTimetable(watch)
  }

  return {
    /** Starts and ends the checks of paths; those that stay keep their timetable unless the interval changes. */
    configure: (config: CheckerConfig) => {
      const isNewInterval = intervalMs !== config.intervalSeconds * 1000
      intervalMs = config.intervalSeconds * 1000
      const patience = patienceOf(intervalMs)
      const timeoutMs = config.timeoutSeconds === null ? patience.timeoutMs : config.timeoutSeconds * 1000
      out.setTimeout(timeoutMs)
      spotChecks.every(config.timeoutSeconds === null ? patience.spotCheckEveryMs : null)
      reporter.setSlowLimit(slowLimit(config.slowSeconds * 1000, timeoutMs))
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
    /** Checks every path now, or those on these mount points alone, besides their timetable. */
    checkNow: (only?: { points: readonly string[] } | { ids: readonly string[] }) => {
      out.abandonUnwatched()
      const isMeant = (watch: Watch) => {
        if (only === undefined) return true
        if ('ids' in only) return only.ids.includes(watch.target.id)
        if (only.points.some((point) => isOn(watch, point))) return true
        return watch.check?.isOverdue === true && out.isRemounted(watch.check)
      }
      const meant = [...watches.values()].filter(isMeant)
      // What is out and abandoned then is in no other path's way.
      const [waiting, free] = [
        meant.filter(({ check }) => check !== null),
        meant.filter(({ check }) => check === null),
      ]
      for (const watch of [...waiting, ...free]) begin(watch)
    },
    /** Returns at once; checks that are out are left to themselves. */
    stop: () => {
      for (const watch of [...watches.values()]) end(watch)
      out.stop()
      spotChecks.stop()
      batch.stop()
    },
  }
}

function memoryOf(remembered: RememberedMount | undefined): PathMemory {
  if (remembered === undefined) return freshMemory
  const { soundErrorsCount, ...known } = remembered
  return { ...freshMemory, known, soundErrorsCount }
}
