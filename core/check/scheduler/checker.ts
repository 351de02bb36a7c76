import { isDeepStrictEqual } from 'node:util'
import { settled } from '../../dropped-errors.ts'
import { message } from '../../lib/i18n/message.ts'
import type { WorkerConfig } from '../../lib/workers/definition.ts'
import { isWithin } from '../../platform/mounts.ts'
import type {
  Checked,
  checkerDefinition,
  PathToCheck,
  RememberedMount,
  Verdict,
} from '../checker-messages.ts'
import {
  type CheckProgress,
  type Findings,
  freshMemory,
  newProgress,
  type PathMemory,
} from '../probes/findings.ts'
import type { Disk } from '../probes/probe-runner.ts'
import {
  fileSystemHungVerdict,
  hungVerdict,
  noThreadVerdict,
  pickGravest,
  slowLimit,
  toVerdict,
} from '../verdict.ts'
import {
  type ConcurrencyLimit,
  callAt,
  chooseTimeouts,
  dueAt,
  SUSPICION_MS,
  type Timetable,
  tickAfter,
} from './timetable.ts'

// The scheduler. At each tick of a path (`Checker`), and between two ticks (spot checks), `RunningChecks` starts a
// check once the file system's semaphore and the process's limit permit. The check returns or becomes overdue;
// `Reporter` turns either into verdicts and reports those of many paths together.

/**
 * Limit of abandoned checks of one mount point that are still running. It bounds the threads that are blocked by a
 * point that is mounted again and again and hangs each time, four threads each time. At the limit a path waits for its
 * own check.
 */
const MOST_ABANDONED = 32
/** Limit of simultaneous checks on one file system, and therefore of the threads that a dead disk can block. */
const CHECKS_PER_FILE_SYSTEM = 4
/** Shortest interval between reports, in milliseconds. */
const REPORT_EVERY_MS = 100
/** Verdicts that arrive within this time are reported together, in milliseconds. */
const GATHER_MS = 5
/**
 * A path whose own write probe is older than this, in milliseconds, is written to at its tick: a quota of one directory
 * is found so, where another path of the file system is written to.
 */
const OWN_WRITE_EVERY_MS = 10 * 60_000
/** Limit of paths in one report; larger ones are split, so that no message blocks the supervisor. */
const MOST_PATHS = 1_000

export type CheckerConfig = WorkerConfig<typeof checkerDefinition>

interface CheckerOptions {
  disk: Disk
  limit: ConcurrencyLimit
  report(checked: Checked[]): void
  /** Called once for each path whose file system refuses O_DIRECT. */
  buffered(path: string): void
}

interface RunningEvents {
  buffered: CheckerOptions['buffered']
  /** Called when a check fails or takes long: its file system may have failed, so all paths of it have to be checked. */
  suspected(watch: Watch): void
}

/** A path on its timetable. */
class Watch {
  readonly target: PathToCheck
  timetable: Timetable = { startMs: 0, intervalMs: 0 }
  tick = 0
  cancelTick = () => {}
  memory: PathMemory
  /** Monotonic milliseconds of the start of its last check with all its probes, and of its last spot check. */
  begunMs = Number.NEGATIVE_INFINITY
  spotCheckedMs = Number.NEGATIVE_INFINITY
  /** Monotonic milliseconds of the start of its last write probe; infinite if that failed or was slow. */
  wroteWellMs = Number.NEGATIVE_INFINITY
  /** The check that runs or waits for its turn. */
  check: Check | null = null

  constructor(target: PathToCheck, memory: PathMemory) {
    this.target = target
    this.memory = memory
  }
}

/** A check, from before its start. */
class Check {
  readonly watch: Watch
  /** Milliseconds since 1970 of its tick. */
  readonly at: number
  readonly fileSystem: string
  /** Monotonic milliseconds of its first call; null while it waits for its turn. */
  begunMs: number | null = null
  /** The mounts that led to its path when it began (Disk.mountedAs). */
  mountedAs = ''
  readonly progress: CheckProgress
  cancelDeadline = () => {}
  cancelSuspicion = () => {}
  isOverdue = false
  /** `shares`: it asks for permission only, as another path is written to; `leads`: others share its write. */
  readonly role: 'shares' | 'leads' | null
  /** A check with all probes follows it. */
  isFollowed = false

  constructor(watch: Watch, at: number, fileSystem: string, role: Check['role']) {
    this.watch = watch
    this.at = at
    this.fileSystem = fileSystem
    this.role = role
    this.progress = newProgress(watch.target.probes)
  }
}

/** Checks every path on its own timetable; paths do not wait for each other, and each has at most one running check. */
export class Checker {
  readonly #watches = new Map<string, Watch>()
  readonly #reporter: Reporter
  readonly #out: RunningChecks
  readonly #spotChecks: ReturnType<typeof createSpotChecks>
  #intervalMs = 0

  constructor({ disk, limit, report, buffered }: CheckerOptions) {
    this.#reporter = new Reporter(report)
    this.#out = new RunningChecks(disk, limit, this.#reporter, {
      buffered,
      suspected: (watch) => this.#spotChecks.suspect(watch),
    })
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
    this.#out.spotCheckEveryMs = timeoutSeconds === null ? patience.spotCheckEveryMs : null
    this.#spotChecks.every(this.#out.spotCheckEveryMs)
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
    for (const watch of meant.sort((a, b) => isFree(a) - isFree(b))) this.#out.beginAnew(watch)
  }

  /** Resolves once the checks of a path that are under way, also cancelled ones, have closed their files. */
  released(path: string): Promise<void> {
    return this.#out.released(path)
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
    this.#out.begin(watch, true)
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

/**
 * Checks one path of each file system between the ticks, a different one each time. If that takes long, all paths of
 * the file system are checked at once, so that a hang is soon known for all of them.
 */
function createSpotChecks(
  watches: ReadonlyMap<string, Watch>,
  getFileSystem: (watch: Watch) => string,
  begin: (watch: Watch) => void,
) {
  let everyMs: number | null = null
  let cancel = () => {}

  const suspect = (cause: Watch) => {
    const fileSystem = getFileSystem(cause)
    for (const watch of watches.values())
      if (watch.begunMs < cause.begunMs && getFileSystem(watch) === fileSystem) begin(watch)
  }
  const check = (ms: number) => {
    const now = performance.now()
    cancel = callAt(now + ms, () => check(ms))
    for (const watch of choosePaths(watches.values(), getFileSystem, now - ms / 10)) {
      watch.spotCheckedMs = now
      begin(watch)
      const { check } = watch
      check?.cancelSuspicion()
      if (check !== null) check.cancelSuspicion = callAt(now + SUSPICION_MS, () => suspect(watch))
    }
  }
  return {
    /** Checks the other paths of the file system whose last check with all probes began before that of this one. */
    suspect,
    /** Sets the interval in milliseconds; null: no spot checks. */
    every: (ms: number | null) => {
      if (ms === everyMs) return
      cancel()
      everyMs = ms
      if (ms !== null) cancel = callAt(performance.now() + ms, () => check(ms))
    },
    stop: () => cancel(),
  }
}

/**
 * Chooses, for each file system, the path whose spot check was longest ago. Paths with a write probe take precedence,
 * since writing may hang alone. Skips a file system if such a path has been checked since `recentMs`.
 */
function choosePaths(
  watches: Iterable<Watch>,
  getFileSystem: (watch: Watch) => string,
  recentMs: number,
): Watch[] {
  return [...Map.groupBy(watches, getFileSystem).values()].flatMap((group) => {
    const writing = group.filter(({ target }) => target.probes.includes('write'))
    const eligible = writing.length > 0 ? writing : group
    if (eligible.some(({ begunMs }) => begunMs > recentMs)) return []
    // A path with a running check is watched already; a hang there need not be the file system's.
    const free = eligible.filter(({ check }) => check === null)
    const [first] = free.sort((a, b) => a.spotCheckedMs - b.spotCheckedMs)
    return first === undefined ? [] : [first]
  })
}

/**
 * The running checks. Each returns or becomes overdue. The result of a check that its path has replaced is dropped.
 *
 * Where spot checks run, the write probe belongs to the file system: a file that is made, synced and removed for each
 * path at each tick wears a memory card out. At its tick a path is not written to if another one was since the last
 * spot check. If that one fails or takes long, all paths of the file system are checked with all their probes at once.
 */
class RunningChecks {
  readonly #disk: Disk
  readonly #limit: ConcurrencyLimit
  readonly #reporter: Reporter
  readonly #events: RunningEvents
  /** Monotonic milliseconds of the start of the last write probe of each file system. */
  readonly #wroteMs = new Map<string, number>()
  readonly #semaphores = new Semaphores()
  /** Mount points of abandoned checks that are still running. */
  readonly #abandoned = new Map<Check, string>()
  /** Every check whose calls have not returned, with its path. */
  readonly #calls = new Map<Promise<unknown>, string>()
  /** Time limit of a check, in milliseconds. */
  timeoutMs = 0
  /** Interval of spot checks, in milliseconds; null: there are none. */
  spotCheckEveryMs: number | null = null

  constructor(disk: Disk, limit: ConcurrencyLimit, reporter: Reporter, events: RunningEvents) {
    this.#disk = disk
    this.#limit = limit
    this.#reporter = reporter
    this.#events = events
  }

  /**
   * Checks a path once its file system's semaphore and the limit permit. If its last check is overdue, reports the
   * hang, unless that check began on a mount that is gone: then it is abandoned, and a new check starts.
   *
   * @param isTick the path need not be written to if another one of its file system was.
   */
  begin(watch: Watch, isTick = false): void {
    const { check } = watch
    if (check === null) this.#start(watch, isTick)
    else if (check.isOverdue) this.#stillOut(check, Date.now())
    else if (check.role === 'shares' && !isTick) check.isFollowed = true
  }

  /** As begin, but a check that runs already is followed by another: it may have passed what has changed since. */
  beginAnew(watch: Watch): void {
    const { check } = watch
    if (check !== null && check.begunMs !== null) check.isFollowed = true
    this.begin(watch)
  }

  /** Returns false while the check waits for its turn. */
  isOut(check: Check): boolean {
    return this.#semaphores.isOut(check)
  }

  /** True if the check began on a mount that is gone. */
  isRemounted({ watch: { target, memory }, mountedAs }: Check): boolean {
    return this.#disk.mountedAs(target.path, memory) !== mountedAs
  }

  /** Cancels a check: it never runs, or its result is dropped. */
  cancel(check: Check): void {
    check.cancelDeadline()
    check.cancelSuspicion()
    this.#semaphores.release(check)
    if (check.watch.check === check) check.watch.check = null
  }

  /** Resolves once the calls of a path's checks have returned, which a hung disk may delay for ever. */
  async released(path: string): Promise<void> {
    await Promise.all([...this.#calls].filter(([, of]) => of === path).map(([calls]) => settled(calls)))
  }

  #start(watch: Watch, isTick = false): void {
    const at = Date.now()
    const fileSystem = this.#disk.getFileSystem(watch.target.path, watch.memory)
    const stuckMs = this.#semaphores.stuckSince(fileSystem)
    if (stuckMs !== null) {
      this.#reporter.fileSystemHung(watch, at, stuckMs)
      return
    }
    const now = performance.now()
    const check = new Check(watch, at, fileSystem, this.#chooseRole(watch, fileSystem, now, isTick))
    watch.check = check
    this.#armDeadline(check, now)
    if (check.role !== 'shares') watch.begunMs = now
    if (check.role === 'leads') this.#wroteMs.set(fileSystem, now)
    this.#semaphores.acquire(check, () => this.#run(check, isTick))
  }

  /** Decides whether a path is written to for the others, or one of them for it; null: it is written to for itself. */
  #chooseRole(
    { target, memory, wroteWellMs }: Watch,
    fileSystem: string,
    now: number,
    isTick: boolean,
  ): Check['role'] {
    const { spotCheckEveryMs } = this
    const isWell = Number.isFinite(wroteWellMs)
    if (spotCheckEveryMs === null || !isWell || !this.#disk.sharesWrites(target.path, memory)) return null
    const ago = now - (this.#wroteMs.get(fileSystem) ?? Number.NEGATIVE_INFINITY)
    // A spot check is late or early by some milliseconds.
    const isWritten = ago < 0.9 * spotCheckEveryMs && now - wroteWellMs < OWN_WRITE_EVERY_MS
    return isTick && isWritten ? 'shares' : 'leads'
  }

  /** Remembers the result of a write probe. At its first failure the other paths are written to as well. */
  #noteWrite(check: Check, findings: Findings | null): void {
    const { watch, begunMs } = check
    const isShared = check.role === 'shares'
    const write = findings?.probes.write
    const isWell = write?.failures.length === 0 && write.elapsedMs <= this.#reporter.slowLimitMs
    const wasWell = Number.isFinite(watch.wroteWellMs)
    if (isWell && isShared) return
    watch.wroteWellMs = isWell ? (begunMs ?? performance.now()) : Number.NEGATIVE_INFINITY
    if (isWell || !wasWell || isShared) return
    if (write !== undefined && this.spotCheckEveryMs !== null) this.#events.suspected(check.watch)
  }

  #run(check: Check, isTick: boolean): void {
    const { target, memory } = check.watch
    const findings = this.#limit.run(() => {
      check.begunMs = performance.now()
      // The checks that a suspicion begins raise none: on a slow disk they would go on for ever.
      if (isTick && check.role === 'leads')
        check.cancelSuspicion = callAt(check.begunMs + SUSPICION_MS, () =>
          this.#events.suspected(check.watch),
        )
      check.mountedAs = this.#disk.mountedAs(target.path, memory)
      return this.#disk.check({ ...target, sharesWrite: check.role === 'shares' }, memory, check.progress)
    })
    this.#calls.set(findings, target.path)
    void settled(findings).then(() => this.#calls.delete(findings))
    // A disk resolves whatever the system's calls return; an error that it throws is its own bug, and is reported.
    const broken = (error: unknown) => brokenProbe(check.progress, String(error), memory)
    void findings.catch(broken).then((found) => this.#finish(check, found))
  }

  #finish(check: Check, findings: Findings | null): void {
    this.#abandoned.delete(check)
    const { watch, at } = check
    const isItsOwn = watch.check === check
    this.cancel(check)
    // A late result was reported as a failure; the next good check reports the recovery.
    if (check.isOverdue || !isItsOwn) return
    if (findings === null) this.#reporter.noThread(watch, at)
    else {
      if (findings.memory.isBuffered && !watch.memory.isBuffered) this.#events.buffered(watch.target.path)
      watch.memory = findings.memory
      this.#reporter.findings(watch, at, findings)
    }
    this.#noteWrite(check, findings)
    if (check.isFollowed) this.begin(watch)
  }

  #armDeadline(check: Check, fromMs: number): void {
    check.cancelDeadline = callAt(fromMs + this.timeoutMs, () => this.#overdue(check))
  }

  #overdue(check: Check): void {
    const { begunMs, fileSystem, watch, at } = check
    const now = performance.now()
    if (begunMs !== null && now >= begunMs + this.timeoutMs) {
      check.isOverdue = true
      watch.wroteWellMs = Number.NEGATIVE_INFINITY
      this.#stillOut(check, at)
      return
    }
    const stuckMs = this.#semaphores.isOut(check) ? null : this.#semaphores.stuckSince(fileSystem)
    // Its time begins with its first call: so far it has waited for its turn, behind checks that do return.
    if (stuckMs === null) this.#armDeadline(check, begunMs ?? now)
    else {
      this.cancel(check)
      this.#reporter.fileSystemHung(watch, at, stuckMs)
    }
  }

  #stillOut(check: Check, at: number): void {
    const { watch, progress, begunMs } = check
    if (this.#abandon(check)) this.#start(watch)
    else this.#reporter.hung(watch, at, progress, begunMs ?? performance.now())
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

function brokenProbe({ probe, step }: CheckProgress, reason: string, memory: PathMemory): Findings {
  const failure = { step, cause: 'call' as const, errno: 0, code: reason }
  return { probes: { [probe]: { failures: [failure], elapsedMs: 0 } }, delayMs: null, memory }
}

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
    if (out.size === 0) this.#semaphores.delete(fileSystem)
  }
}

/** Turns the findings of checks into reports. `at` is the wall time of the check, in milliseconds. */
class Reporter {
  readonly #report: (checked: Checked[]) => void
  /** Only the newest report of each path waits. */
  readonly #waiting = new Map<string, Checked>()
  /** Successful probes that took longer than this, in milliseconds, are slow. */
  slowLimitMs = Number.POSITIVE_INFINITY
  #reportedMs = Number.NEGATIVE_INFINITY
  #cancel: (() => void) | null = null

  constructor(report: (checked: Checked[]) => void) {
    this.#report = report
  }

  findings(watch: Watch, at: number, { probes, delayMs, leadsTo }: Findings): void {
    const { path } = watch.target
    const verdicts = this.#toVerdicts(path, probes)
    const checked = toChecked(watch, at, verdicts, pickGravest(path, verdicts), delayMs)
    this.#tell(leadsTo === undefined ? checked : { ...checked, leadsTo })
  }

  /** Reports a check that is past its deadline: its finished probes, and the one that hangs. */
  hung(watch: Watch, at: number, progress: CheckProgress, sinceMs: number): void {
    const { path } = watch.target
    const hung = hungVerdict(path, progress.step, performance.now() - sinceMs)
    const probes = { ...this.#toVerdicts(path, progress.done), [progress.probe]: hung }
    const delayMs = progress.probe === 'read' ? null : progress.delayMs
    this.#tell(toChecked(watch, at, probes, hung, delayMs))
  }

  /** Reports, without touching the path, that other paths hang on the same file system. */
  fileSystemHung(watch: Watch, at: number, sinceMs: number): void {
    const { path } = watch.target
    const verdict = fileSystemHungVerdict(path, getMountPoint(watch), performance.now() - sinceMs)
    this.#tellUntouched(watch, at, verdict)
  }

  /** Reports that a check was not begun, since too many checks hang, on this or other file systems. */
  noThread(watch: Watch, at: number): void {
    this.#tellUntouched(watch, at, noThreadVerdict(watch.target.path))
  }

  /** Drops the waiting report of a path that is no longer checked. */
  forget(id: string): void {
    this.#waiting.delete(id)
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = null
    this.#waiting.clear()
  }

  #toVerdicts(path: string, probes: Findings['probes']): Checked['probes'] {
    return Object.fromEntries(
      Object.entries(probes).map(([probe, finding]) => [probe, toVerdict(path, finding, this.slowLimitMs)]),
    )
  }

  #tellUntouched(watch: Watch, at: number, verdict: Verdict): void {
    const probes = Object.fromEntries(watch.target.probes.map((probe) => [probe, verdict]))
    this.#tell(toChecked(watch, at, probes, verdict, null))
  }

  #tell(checked: Checked): void {
    this.#waiting.set(checked.id, checked)
    this.#reportSoon()
  }

  #reportSoon(): void {
    if (this.#cancel !== null) return
    const atMs = Math.max(this.#reportedMs + REPORT_EVERY_MS, performance.now() + GATHER_MS)
    this.#cancel = callAt(atMs, () => this.#reportSome())
  }

  #reportSome(): void {
    this.#cancel = null
    this.#reportedMs = performance.now()
    const some = [...this.#waiting.values()].slice(0, MOST_PATHS)
    for (const { id } of some) this.#waiting.delete(id)
    if (some.length > 0) this.#report(some)
    if (this.#waiting.size > 0) this.#reportSoon()
  }
}

function toChecked(
  { target: { id, path }, memory: { known, wasFaulty, ...memory } }: Watch,
  at: number,
  probes: Checked['probes'],
  verdict: Verdict,
  delayMs: number | null,
): Checked {
  const mount = known?.mount ?? null
  const readOnlyByIntent = known?.readOnlyByIntent ?? false
  const isQuietlyReadOnly = readOnlyByIntent && verdict.kind === 'ok'
  const overall = isQuietlyReadOnly
    ? { ...verdict, sentence: message('check.okReadOnly', { path }) }
    : verdict
  // After a fault with its own report the errors are counted from a new start, also by the next process.
  const soundErrorsCount = wasFaulty ? null : memory.soundErrorsCount
  return { id, path, at, overall, probes, delayMs, mount, readOnlyByIntent, soundErrorsCount }
}

/** Returns the last known mount point of a path; before its first check, its own path, which may be one. */
function getMountPoint({ memory, target }: Watch): string {
  return memory.known?.mount.point ?? target.path
}

/** True if a path was last known on this mount point; before its first check, if it may be. */
function isOn({ memory, target }: Watch, point: string): boolean {
  return memory.known === null ? isWithin(target.path, point) : memory.known.mount.point === point
}
