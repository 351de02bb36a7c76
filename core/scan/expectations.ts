import { leftOutBySize } from '../filter/exclusion-rules.ts'
import type { ExpectedFile, Judged } from '../ledger/expected.ts'
import { attempt, type Ledger } from '../ledger/ledger.ts'
import { withTimeout } from '../lib/async/timing.ts'
import {
  findBefore,
  findDueAfter,
  findFirstExpected,
  formatTimetable,
  parseTimetable,
} from '../settings/expected/first.ts'
import { compilePattern, findPatternProblem, ZONES_APART_MS } from '../settings/expected/pattern.ts'
import { isZone, openPeriods, type Period } from '../settings/expected/periods.ts'
import type { ExpectedFiles, Source } from '../settings/schema.ts'
import type { ScannedFile } from '../walk/scanned-file.ts'
import { type ExpectedState, MOST_NAMED } from './scanner-messages.ts'

// Finds out whether the files that a source's settings expect have come. A file counts once it is finished: while its
// program still writes it, it is missing. Before a file is missing, the whole source is compared again: a missed event,
// or a polled tree, causes no false report.

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
/** Longest pause before the next judgement: the clock may be changed, and the computer may sleep. */
const CHECK_EVERY_MS = MINUTE_MS
/** Pause while the source is not watched, or could not be compared. */
const POSTPONED_MS = 5_000
/** A comparison may hang with its disk, and the next one works after that. */
const COMPARED_WITHIN_MS = 60 * MINUTE_MS
const KEPT_MS = 400 * DAY_MS

export interface ExpectationsContext {
  source: Pick<Source, 'id' | 'paused' | 'expected' | 'minimumBytes' | 'maximumBytes'>
  ledger: Pick<
    Ledger,
    | 'judged'
    | 'rememberJudged'
    | 'lastExpected'
    | 'openExpectedFiles'
    | 'lastArrival'
    | 'recordExpected'
    | 'pruneExpected'
  >
  /** Returns how long after a comparison the files that it has met may be reported as finished, in milliseconds. */
  settleMs(): number
  /** True while the source is watched, and all of it was compared. */
  isWatched(): boolean
  /** Compares the source; false: not all of it could be compared. */
  compare(): Promise<boolean>
  changed(): void
  /** Receives the ledger's errors. */
  failed(error: unknown): void
  log(message: string): void
}

export type Expectations = ReturnType<typeof openExpectations>

type Rule = ReturnType<typeof openRule>

export function openExpectations(context: ExpectationsContext) {
  const { source, ledger, settleMs, isWatched, compare, changed, failed } = context
  let rules: Rule[] | null = null
  let timer: NodeJS.Timeout | undefined
  let isStopped = false
  let prunedAt = 0

  /** Returns the rules; null while the ledger has not answered yet. */
  const load = (): Rule[] | null => {
    rules ??= attempt(() => loadRules(context, Date.now()), null, failed)
    return rules
  }

  const judge = async (): Promise<void> => {
    const at = Date.now()
    const all = load() ?? []
    for (const rule of all) rule.restartIfAhead(at)
    const due = all.filter((rule) => rule.nextDue() <= at)
    if (due.length > 0 && isWatched()) {
      const isMissing = due.some((rule) => rule.findDue(at).some(({ arrivedAt }) => arrivedAt === null))
      const isComplete = !isMissing || (await isCompared())
      if (isStopped) return
      if (isComplete) attempt(() => record(due, at), undefined, failed)
    }
    arm()
  }
  const isCompared = async (): Promise<boolean> => {
    if ((await withTimeout(COMPARED_WITHIN_MS, compare())) !== true) return false
    await new Promise<void>((resolve) => setTimeout(resolve, settleMs()).unref())
    return isWatched()
  }
  const record = (due: readonly Rule[], at: number): void => {
    const results = due.map((rule) => ({ rule, files: rule.findDue(at) }))
    for (const { rule, files } of results) ledger.recordExpected(source.id, rule.pattern, files)
    prune(at)
    const judged = due.map((rule) => [rule.pattern, rule.toJudged(at)])
    ledger.rememberJudged(source.id, { ...ledger.judged(source.id), ...Object.fromEntries(judged) })
    for (const { rule, files } of results) rule.judged(files, at)
    changed()
  }
  /** Once a day, as it reads all rows of the source. */
  const prune = (at: number): void => {
    if (Math.abs(at - prunedAt) < DAY_MS) return
    ledger.pruneExpected(source.id, at - KEPT_MS)
    prunedAt = at
  }
  const arm = (): void => {
    const now = Date.now()
    const next = Math.min(...(load() ?? []).map((rule) => rule.nextDue()), now + CHECK_EVERY_MS)
    timer = setTimeout(() => void judge(), next > now ? next - now : POSTPONED_MS)
  }
  // Without rules, too: those of earlier settings end.
  load()
  attempt(() => prune(Date.now()), undefined, failed)
  if (source.expected.length > 0 && !source.paused) arm()

  return {
    /**
     * Notes finished files.
     * @param isKnown a comparison met them, and they were noted when they came
     */
    note(files: readonly ScannedFile[], isKnown: boolean): void {
      const at = Date.now()
      for (const rule of load() ?? []) {
        if (isKnown && !rule.isDated) continue
        const sent = files.filter(({ size }) => leftOutBySize(source, size) === null)
        const found = sent.flatMap((file) => [...rule.noteSmall(file, at), ...rule.findArrived(file, at)])
        if (found.length === 0) continue
        attempt(() => ledger.recordExpected(source.id, rule.pattern, found), undefined, failed)
        changed()
      }
    },
    state: (): ExpectedState[] => (rules ?? []).map((rule) => rule.state()),
    stop(): void {
      isStopped = true
      clearTimeout(timer)
    },
  }
}

function loadRules({ source, ledger, log }: ExpectationsContext, at: number): Rule[] {
  const known = ledger.judged(source.id)
  const usable = source.expected.filter((rule, index) => {
    const isUsable =
      findPatternProblem(rule.pattern, rule.everyMinutes) === null &&
      (rule.zone === null || isZone(rule.zone)) &&
      source.expected.findIndex(({ pattern }) => pattern === rule.pattern) === index
    // Only a settings file that was edited by hand has such rules.
    if (!isUsable) log(`the rule for expected files ${JSON.stringify(rule)} cannot be used`)
    return isUsable
  })
  const begun = usable.map((rule) => ({ rule, judged: findJudged(rule) }))
  const judged = Object.fromEntries(begun.map(({ rule, judged: one }) => [rule.pattern, one]))
  if (JSON.stringify(judged) !== JSON.stringify(known)) ledger.rememberJudged(source.id, judged)
  return begun.map(({ rule, judged: one }) => {
    const files = ledger.openExpectedFiles(source.id, rule.pattern, findDueAfter(rule, one.until).start)
    // The clock may have been ahead.
    const past = files.filter(({ start }) => start <= at + rule.everyMinutes * MINUTE_MS)
    const findLast = (until: number) => ledger.lastArrival(source.id, rule.pattern, until)
    return openRule(rule, one, past, { last: findLast(at), findLast })
  })

  /**
   * Returns how far a rule is judged. A rule with another delay continues. A rule with another period or zone begins
   * anew, as one that is added again.
   */
  function findJudged(rule: ExpectedFiles): Judged {
    const timetable = formatTimetable(rule)
    const earlier = known[rule.pattern]
    if (earlier?.timetable === timetable) return earlier
    if (earlier === undefined) {
      const last = ledger.lastExpected(source.id, rule.pattern, at)
      const before = last === null ? null : { start: last + 1, continues: false }
      const { since, until } = findFirstExpected(rule, at, before)
      return { timetable, since, until }
    }
    const before = findBefore(parseTimetable(earlier.timetable), earlier.until, rule)
    const { since, until } = findFirstExpected(rule, at, before)
    return { timetable, since: before.continues ? earlier.since : since, until }
  }
}

/** The last file that came. */
type Arrival = { path: string; at: number }

/** Opens a rule of the settings, with its files that are missing and those that are not due yet. */
function openRule(
  settings: ExpectedFiles,
  begun: Judged,
  files: readonly ExpectedFile[],
  { last, findLast }: { last: Arrival | null; findLast: (until: number) => Arrival | null },
) {
  const { pattern, everyMinutes, minimumBytes } = settings
  const compiled = compilePattern(pattern, everyMinutes)
  const periods = openPeriods(settings)
  const within = settings.withinMinutes * MINUTE_MS
  let { since, until } = begun
  let lastArrival = last
  const missing = new Map<number, ExpectedFile>()
  /** Arrived files that are not due yet, by the beginnings of their periods. */
  const early = new Map<number, ExpectedFile>()
  /** Too small files of periods that are not judged yet, by the beginnings of these periods. */
  const small = new Map<number, Pick<ExpectedFile, 'path' | 'tooSmall'>>()
  let next: Period | null = null
  /** The beginning of the oldest period whose file may still come. */
  let oldest: number | null = null

  const toFile = ({ start, end, wall }: Period): ExpectedFile => {
    return { start, due: end + within, path: compiled.format(wall), arrivedAt: null, tooSmall: null }
  }
  /** True if the name of a file belongs to its period by the present time zone. */
  const isOfPeriod = ({ start, due, path }: ExpectedFile): boolean => {
    const wall = compiled.match(path, due)
    return !compiled.isDated || (wall !== null && periods.named(wall).some((one) => one.start === start))
  }
  for (const file of files)
    if (file.arrivedAt === null) missing.set(file.start, file)
    else if (isOfPeriod(file)) early.set(file.start, file)
  const forget = () => {
    next = null
    oldest = null
  }
  const findNext = (): Period => {
    next ??= findDueAfter(settings, until)
    return next
  }
  const toMs = (ns: bigint, at: number) => Math.min(at, Number(ns / 1_000_000n))
  const findFiles = ({ path, mtimeNs, ctimeNs }: ScannedFile, at: number): ExpectedFile[] => {
    const wall = compiled.match(path, at)
    if (wall === null) return []
    if (!compiled.isDated) return findAt(toMs(ctimeNs, at))
    const found = findDated(wall, at)
    // The name of an earlier year is the same.
    return compiled.hasYear ? found : found.filter(({ start }) => toMs(mtimeNs, at) >= start)
  }

  return {
    pattern,
    isDated: compiled.isDated,
    nextDue: (): number => findNext().end + within,
    /** Forgets what is later than `at`, and restarts the judgement there, if the clock was a day or more ahead. */
    restartIfAhead(at: number): void {
      const ahead = at + DAY_MS + within + everyMinutes * MINUTE_MS
      if (lastArrival !== null && lastArrival.at >= ahead) lastArrival = findLast(at)
      if (until < ahead) return
      until = at
      since = Math.min(since, at)
      for (const start of missing.keys()) if (start > at) missing.delete(start)
      forget()
    },
    /** Returns the files that are due by now and not judged yet; those of a longer absence than is kept are left out. */
    findDue(at: number): ExpectedFile[] {
      const due: ExpectedFile[] = []
      const from = Math.max(until, at - KEPT_MS)
      for (const period of periods.from(from - within)) {
        const file = toFile(period)
        if (file.due > at) break
        if (file.due <= from) continue
        const came = early.get(file.start)
        // It may have come before the delay was changed.
        due.push(came === undefined ? { ...file, ...small.get(file.start) } : { ...came, due: file.due })
      }
      return due
    },
    toJudged: (at: number): Judged => ({ ...begun, since, until: at }),
    judged(due: readonly ExpectedFile[], at: number): void {
      for (const file of due) {
        early.delete(file.start)
        small.delete(file.start)
        if (file.arrivedAt === null) missing.set(file.start, file)
      }
      for (const start of missing.keys()) if (start < at - KEPT_MS) missing.delete(start)
      until = at
      forget()
    },
    /** Notes a finished file. Returns what it is among the expected ones that have not come. */
    findArrived(file: ScannedFile, at: number): ExpectedFile[] {
      const { path, size, mtimeNs, ctimeNs } = file
      const found = size < minimumBytes ? [] : findFiles(file, at)
      const arrived = found.map((one) => ({
        ...{ ...one, path, tooSmall: null },
        // A missing file was looked for when it was due: it has come since.
        arrivedAt: missing.has(one.start) ? at : toMs(compiled.isDated ? mtimeNs : ctimeNs, at),
      }))
      for (const one of arrived) {
        if (one.arrivedAt >= (lastArrival?.at ?? 0)) lastArrival = { path, at: one.arrivedAt }
        if (!missing.delete(one.start)) early.set(one.start, one)
        small.delete(one.start)
      }
      if (arrived.length > 0) oldest = null
      return arrived
    },
    /** Notes a finished file that is too small to count. Returns the missing files that are there with that size. */
    noteSmall(file: ScannedFile, at: number): ExpectedFile[] {
      const { path, size } = file
      const found = size < minimumBytes ? findFiles(file, at) : []
      for (const { start } of found) if (!missing.has(start)) small.set(start, { path, tooSmall: size })
      const news = found.filter((one) => missing.has(one.start) && one.tooSmall !== size)
      const changed = news.map((one) => ({ ...one, path, tooSmall: size }))
      for (const one of changed) missing.set(one.start, one)
      return changed
    },
    state(): ExpectedState {
      const all = [...missing.values()].sort((a, b) => b.start - a.start)
      // Once another file has come, the source delivers again: the gap stays in the list.
      const failing = all.filter((one) => one.due > (lastArrival?.at ?? 0) && isCurrent(one))
      const { path, due } = toFile(findNext())
      const [last] = all
      const hasCome = last === undefined || last.due <= (lastArrival?.at ?? 0)
      return {
        pattern,
        timetable: begun.timetable,
        missing: all.length,
        failing: failing.length,
        since: failing.at(-1)?.due ?? null,
        newest: all
          .slice(0, MOST_NAMED)
          .map((one) => ({ path: one.path, due: one.due, tooSmall: one.tooSmall })),
        came: hasCome ? (lastArrival?.path ?? null) : null,
        next: { path, due },
      }
    },
  }

  function findOldest(): number {
    oldest ??= [...missing.keys()].reduce(
      (least, start) => Math.min(least, start),
      until - within - 2 * everyMinutes * MINUTE_MS,
    )
    return oldest
  }

  function findDated(wall: number, at: number): ExpectedFile[] {
    // Most files are older than all that is expected.
    if (wall < findOldest() - ZONES_APART_MS) return []
    // A date further ahead than the next period comes from a wrong clock.
    const isNear = ({ start }: Period) => start <= at + everyMinutes * MINUTE_MS
    const named = periods.named(wall)
    const coming = named.filter((one) => isNear(one) && isComing(one))
    const gaps = named.flatMap(({ start }) => missing.get(start) ?? [])
    return [...gaps.filter((one) => isClosedBy(one, wall)), ...coming.map(toFile)]
  }

  /** True if a file with this wall time in its name is the one that a gap of its period lacks. */
  function isClosedBy(gap: ExpectedFile, wall: number): boolean {
    if (isCurrent(gap)) return true
    // Before the rule began anew, other names may have counted for that period.
    const gapWall = gap.tooSmall === null ? null : compiled.match(gap.path, gap.due)
    return compiled.format(wall) === (gapWall === null ? gap.path : compiled.format(gapWall))
  }

  /** True if a file was due after the rule began, or began anew with another period or time zone. */
  function isCurrent({ due }: ExpectedFile): boolean {
    return due > since
  }

  /** Without a date in its name, a file counts for one period: the oldest one that lacks its file and is not due. */
  function findAt(at: number): ExpectedFile[] {
    if (at < findOldest()) return []
    for (const period of periods.from(at - within)) {
      if (period.start > at) break
      const gap = missing.get(period.start)
      const file = gap !== undefined && isCurrent(gap) ? gap : isComing(period) ? toFile(period) : null
      if (file !== null && at <= period.end + within) return [file]
    }
    return []
  }

  /** True if a period is not judged yet, and its file has not come. */
  function isComing({ start }: Period): boolean {
    return start >= findNext().start && !early.has(start)
  }
}
