import { isDeepStrictEqual } from 'node:util'
import type { ConfigOf } from '../../worker/definition.ts'
import type { ConcurrencyLimit } from '../concurrency-limit.ts'
import type { Checked, checkerDefinition, PathToCheck, RememberedMount } from '../messages.ts'
import type { Disk } from '../probes/disk.ts'
import { freshMemory, type PathMemory } from '../probes/findings.ts'
import { slowLimit } from '../verdict.ts'
import { createChecksOut } from './checks-out.ts'
import { createReporter } from './reporter.ts'
import { createSpotChecks } from './spot-checks.ts'
import { callAt, dueAt, patienceOf, tickAfter } from './timetable.ts'
import { isOn, type Watch } from './watched-path.ts'

export type CheckerConfig = ConfigOf<typeof checkerDefinition>

export interface CheckerPorts {
  disk: Disk
  limit: ConcurrencyLimit
  report(checked: Checked[]): void
  /** Called once for each path whose file system refuses O_DIRECT. */
  buffered(path: string): void
}

/** Checks every path on its own timetable; no path waits for another, and each has one check out at most. */
export function createChecker({ disk, limit, report, buffered }: CheckerPorts) {
  const watches = new Map<string, Watch>()
  const reporter = createReporter(report)
  const out = createChecksOut({ disk, limit, reporter, buffered })
  let intervalMs = 0

  const fire = (watch: Watch) => {
    watch.tick = tickAfter(watch.timetable, watch.tick, performance.now())
    watch.cancelTick = callAt(dueAt(watch.timetable, watch.tick), () => fire(watch))
    out.begin(watch)
  }

  const spotChecks = createSpotChecks(
    watches,
    ({ target, memory }) => disk.fileSystemOf(target.path, memory),
    out.begin,
  )

  const startTimetable = (watch: Watch) => {
    watch.cancelTick()
    watch.timetable = { startMs: performance.now(), intervalMs }
    watch.tick = 0
    fire(watch)
  }

  const end = (ended: Watch[]) => {
    // Those first that wait for their turn: they never need to run.
    const isOut = ({ check }: Watch) => Number(check !== null && out.isOut(check))
    for (const watch of ended.sort((a, b) => isOut(a) - isOut(b))) {
      watch.cancelTick()
      if (watch.check !== null) out.letGo(watch.check)
      watches.delete(watch.target.id)
      reporter.forget(watch.target.id)
    }
  }

  const add = (target: PathToCheck, remembered: RememberedMount | undefined) => {
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
      const isWanted = ({ target }: Watch) => isDeepStrictEqual(wanted.get(target.id), target)
      end([...watches.values()].filter((watch) => !isWanted(watch)))
      if (isNewInterval) for (const watch of watches.values()) startTimetable(watch)
      for (const target of wanted.values()) {
        if (!watches.has(target.id)) add(target, config.knownMounts[target.id])
      }
    },
    /** Checks every path now, or those on these mount points alone, besides their timetable. */
    checkNow: (only?: { points: readonly string[] } | { ids: readonly string[] }) => {
      const isMeant = (watch: Watch) => {
        if (only === undefined) return true
        if ('ids' in only) return only.ids.includes(watch.target.id)
        if (only.points.some((point) => isOn(watch, point))) return true
        return watch.check?.isOverdue === true && out.isRemounted(watch.check)
      }
      const meant = [...watches.values()].filter(isMeant)
      // Those first that have a check out: if it is abandoned it is in no other path's way.
      const isFree = ({ check }: Watch) => Number(check === null)
      for (const watch of meant.sort((a, b) => isFree(a) - isFree(b))) out.begin(watch)
    },
    /** Returns at once; checks that are out are left to themselves. */
    stop: () => {
      end([...watches.values()])
      spotChecks.stop()
      reporter.stop()
    },
  }
}

function memoryOf(remembered: RememberedMount | undefined): PathMemory {
  if (remembered === undefined) return freshMemory
  const { soundErrorsCount, ...known } = remembered
  return { ...freshMemory, known, soundErrorsCount }
}
