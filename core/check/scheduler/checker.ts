import { isDeepStrictEqual } from 'node:util'
import type { WorkerConfig } from '../../lib/workers/definition.ts'
import type { Checked, checkerDefinition, PathToCheck, RememberedMount } from '../checker-messages.ts'
import { freshMemory, type PathMemory } from '../probes/findings.ts'
import { slowLimit } from '../verdict.ts'
import { Reporter } from './reporter.ts'
import { type ChecksOutParts, RunningChecks } from './running-checks.ts'
import { createSpotChecks } from './spot-checks.ts'
import { callAt, chooseTimeouts, dueAt, tickAfter } from './timetable.ts'
import { isOn, Watch } from './watched-path.ts'

export type CheckerConfig = WorkerConfig<typeof checkerDefinition>

interface CheckerPorts extends Omit<ChecksOutParts, 'reporter'> {
  report(checked: Checked[]): void
}

/** Checks every path on its own timetable; paths do not wait for each other, and each has at most one running check. */
export class Checker {
  readonly #watches = new Map<string, Watch>()
  readonly #reporter: Reporter
  readonly #out: RunningChecks
  readonly #spotChecks: ReturnType<typeof createSpotChecks>
  #intervalMs = 0

  constructor({ disk, limit, report, buffered }: CheckerPorts) {
    this.#reporter = new Reporter(report)
    this.#out = new RunningChecks({ disk, limit, reporter: this.#reporter, buffered })
    this.#spotChecks = createSpotChecks(
      this.#watches,
      ({ target, memory }) => disk.getFileSystem(target.path, memory),
      (watch) => this.#out.begin(watch),
    )
  }

  /** Starts and ends checks of paths; paths that stay keep their timetable unless the interval changes. */
  configure({ intervalSeconds, timeoutSeconds, slowSeconds, paths, knownMounts }: CheckerConfig): void {
    const intervalMs = intervalSeconds * 1000
    const isNewInterval = intervalMs !== this.#intervalMs
    this.#intervalMs = intervalMs
    const patience = chooseTimeouts(intervalMs)
    const timeoutMs = timeoutSeconds === null ? patience.timeoutMs : timeoutSeconds * 1000
    this.#out.timeoutMs = timeoutMs
    this.#spotChecks.every(timeoutSeconds === null ? patience.spotCheckEveryMs : null)
    this.#reporter.slowLimitMs = slowLimit(slowSeconds * 1000, timeoutMs)
    const wanted = new Map(paths.map((target) => [target.id, target]))
    const isWanted = ({ target }: Watch) => isDeepStrictEqual(wanted.get(target.id), target)
    this.#end([...this.#watches.values()].filter((watch) => !isWanted(watch)))
    if (isNewInterval) for (const watch of this.#watches.values()) this.#startTimetable(watch)
    for (const target of wanted.values()) {
      if (!this.#watches.has(target.id)) this.#add(target, knownMounts[target.id])
    }
  }

  /** Checks every path, or only those on these mount points, now, in addition to their timetable. */
  checkNow(only?: { points: readonly string[] } | { ids: readonly string[] }): void {
    const isMeant = (watch: Watch) => {
      if (only === undefined) return true
      if ('ids' in only) return only.ids.includes(watch.target.id)
      if (only.points.some((point) => isOn(watch, point))) return true
      return watch.check?.isOverdue === true && this.#out.isRemounted(watch.check)
    }
    const meant = [...this.#watches.values()].filter(isMeant)
    // Paths with a running check come first: if it is abandoned, it does not block another path.
    const isFree = ({ check }: Watch) => Number(check === null)
    for (const watch of meant.sort((a, b) => isFree(a) - isFree(b))) this.#out.begin(watch)
  }

  /** Returns at once; running checks are abandoned. */
  stop(): void {
    this.#end([...this.#watches.values()])
    this.#spotChecks.stop()
    this.#reporter.stop()
  }

  #add(target: PathToCheck, remembered: RememberedMount | undefined): void {
    const watch = new Watch(target, toMemory(remembered))
    this.#watches.set(target.id, watch)
    this.#startTimetable(watch)
  }

  #startTimetable(watch: Watch): void {
    watch.cancelTick()
    watch.timetable = { startMs: performance.now(), intervalMs: this.#intervalMs }
    watch.tick = 0
    this.#fire(watch)
  }

  #fire(watch: Watch): void {
    watch.tick = tickAfter(watch.timetable, watch.tick, performance.now())
    watch.cancelTick = callAt(dueAt(watch.timetable, watch.tick), () => this.#fire(watch))
    this.#out.begin(watch)
  }

  #end(ended: Watch[]): void {
    // Checks that wait for their turn come first: they never need to run.
    const isOut = ({ check }: Watch) => Number(check !== null && this.#out.isOut(check))
    for (const watch of ended.sort((a, b) => isOut(a) - isOut(b))) {
      watch.cancelTick()
      if (watch.check !== null) this.#out.cancel(watch.check)
      this.#watches.delete(watch.target.id)
      this.#reporter.forget(watch.target.id)
    }
  }
}

function toMemory(remembered: RememberedMount | undefined): PathMemory {
  if (remembered === undefined) return freshMemory
  const { soundErrorsCount, ...known } = remembered
  return { ...freshMemory, known, soundErrorsCount }
}
