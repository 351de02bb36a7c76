import { leftOutBySize } from '../filter/exclusion-rules.ts'
import type { ExpectedFile } from '../ledger/expected.ts'
import { attempt, type Ledger } from '../ledger/ledger.ts'
import { withTimeout } from '../lib/async/timing.ts'
import { compilePattern } from '../settings/expected/pattern.ts'
import { findStarts, type Period, periodsFrom, toPeriodWall } from '../settings/expected/periods.ts'
import type { ExpectedFiles, Source } from '../settings/schema.ts'
import type { ScannedFile } from '../walk/scanned-file.ts'
import type { ExpectedState } from './scanner-messages.ts'

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
/** Clocks of zones differ by at most 26 hours. */
const ZONES_APART_MS = 26 * 3_600_000

export interface ExpectationsContext {
  source: Pick<Source, 'id' | 'paused' | 'expected' | 'minimumBytes' | 'maximumBytes'>
  ledger: Pick<
    Ledger,
    'judged' | 'rememberJudged' | 'openExpectedFiles' | 'lastArrived' | 'recordExpected' | 'pruneExpected'
  >
  /** True while the source is watched, and all of it was compared. */
  isWatched(): boolean
  /** Compares the source; false: not all of it could be compared. */
  compare(): Promise<boolean>
  changed(): void
  /** Receives the ledger's errors. */
  failed(error: unknown): void
  /** Milliseconds since 1970. */
  now?: () => number
}

export type Expectations = ReturnType<typeof openExpectations>

type Rule = ReturnType<typeof openRule>

export function openExpectations(context: ExpectationsContext) {
  const { source, ledger, isWatched, compare, changed, failed, now = Date.now } = context
  let rules: Rule[] | null = null
  let timer: NodeJS.Timeout | undefined
  let isStopped = false

  /** Returns the rules; null while the ledger has not answered yet. */
  const load = (): Rule[] | null => {
    rules ??= attempt(() => loadRules(context, now()), null, failed)
    return rules
  }

  const judge = async (): Promise<void> => {
    const at = now()
    for (const rule of load() ?? []) rule.beginAnewIfAhead(at)
    const due = (load() ?? []).filter((rule) => rule.nextDue() <= at)
    if (due.length > 0 && isWatched()) {
      const isMissing = due.some((rule) => rule.findDue(at).some(({ arrivedAt }) => arrivedAt === null))
      const isComplete = !isMissing || (await withTimeout(COMPARED_WITHIN_MS, compare())) === true
      if (isStopped) return
      if (isComplete) attempt(() => record(due, at), undefined, failed)
    }
    arm()
  }
  const record = (due: readonly Rule[], at: number): void => {
    for (const { pattern, findDue } of due) {
      ledger.recordExpected(source.id, pattern, findDue(at))
      ledger.pruneExpected(source.id, pattern, at - KEPT_MS)
    }
    const judged = Object.fromEntries(due.map(({ pattern }) => [pattern, at]))
    ledger.rememberJudged(source.id, { ...ledger.judged(source.id), ...judged })
    for (const rule of due) rule.judged(at)
    changed()
  }
  const arm = (): void => {
    const next = Math.min(...(load() ?? []).map((rule) => rule.nextDue()), now() + CHECK_EVERY_MS)
    timer = setTimeout(() => void judge(), next > now() ? next - now() : POSTPONED_MS)
  }
  if (source.expected.length > 0 && !source.paused) arm()

  return {
    /**
     * Notes finished files.
     * @param isNew they have changed just now; otherwise their own time counts
     */
    note(files: readonly ScannedFile[], isNew: boolean): void {
      if (source.expected.length === 0) return
      const at = now()
      const finished = files.filter(({ size }) => leftOutBySize(source, size) === null)
      for (const rule of load() ?? []) {
        const arrived = finished.flatMap((file) => rule.findArrived(file, at, isNew))
        if (arrived.length === 0) continue
        const record = () => {
          ledger.recordExpected(source.id, rule.pattern, arrived)
          rule.arrived(arrived)
        }
        attempt(record, undefined, failed)
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

function loadRules({ source, ledger }: ExpectationsContext, at: number): Rule[] {
  const known = ledger.judged(source.id)
  const judged = Object.fromEntries(source.expected.map(({ pattern }) => [pattern, known[pattern] ?? at]))
  // A new rule expects the files that are due from now on. Its pattern may be that of an earlier rule.
  for (const pattern of Object.keys(judged))
    if (known[pattern] === undefined) ledger.pruneExpected(source.id, pattern, Number.MAX_SAFE_INTEGER)
  if (JSON.stringify(judged) !== JSON.stringify(known)) ledger.rememberJudged(source.id, judged)
  return source.expected.map((one) => {
    const until = judged[one.pattern] ?? at
    const files = ledger.openExpectedFiles(source.id, one.pattern, until)
    // The clock may have been ahead.
    const past = files.filter(({ start }) => start <= at + one.everyMinutes * MINUTE_MS)
    return openRule(one, until, past, ledger.lastArrived(source.id, one.pattern, at))
  })
}

/** One rule of the settings, with its files that are missing, or not due yet. */
function openRule(
  settings: ExpectedFiles,
  judgedUntil: number,
  files: readonly ExpectedFile[],
  last: number | null,
) {
  const { pattern, everyMinutes, minimumBytes } = settings
  const compiled = compilePattern(pattern, everyMinutes)
  const within = settings.withinMinutes * MINUTE_MS
  let until = judgedUntil
  let lastArrived = last ?? Number.NEGATIVE_INFINITY
  const missing = new Map<number, ExpectedFile>()
  /** Arrived files that are not due yet, by the beginnings of their periods. */
  const early = new Map<number, ExpectedFile>()
  for (const file of files) (file.arrivedAt === null ? missing : early).set(file.start, file)
  let next: Period | null = null

  const toMissing = ({ start, end, wall }: Period): ExpectedFile => {
    return { start, due: end + within, path: compiled.format(wall), arrivedAt: null }
  }
  /** Yields the periods whose files are due after `from`. */
  function* dueAfter(from: number): Generator<ExpectedFile, never> {
    for (const period of periodsFrom(from - within, settings)) {
      const file = toMissing(period)
      if (file.due > from) yield file
    }
    throw new RangeError('time is over')
  }
  const isOpen = ({ start, due }: ExpectedFile): boolean =>
    due > until ? !early.has(start) : missing.has(start)

  return {
    pattern,
    nextDue: (): number => {
      next ??= firstOf(periodsFrom(until - within, settings), ({ end }) => end + within > until)
      return next.end + within
    },
    /** The clock was a day or more ahead, and was set right: judging begins anew. */
    beginAnewIfAhead(at: number): void {
      if (until < at + DAY_MS) return
      until = at
      next = null
      for (const start of missing.keys()) if (start > at) missing.delete(start)
    },
    /** Returns the files that are due by now and not judged yet. */
    findDue(at: number): ExpectedFile[] {
      const due: ExpectedFile[] = []
      for (const file of dueAfter(until)) {
        if (file.due > at) return due
        due.push(early.get(file.start) ?? file)
      }
      return due
    },
    judged(at: number): void {
      for (const file of this.findDue(at)) {
        early.delete(file.start)
        if (file.arrivedAt === null) missing.set(file.start, file)
      }
      for (const start of missing.keys()) if (start < at - KEPT_MS) missing.delete(start)
      until = at
      next = null
    },
    /** Returns what a finished file is, among the expected ones that have not come. */
    findArrived({ path, size, mtimeNs }: ScannedFile, at: number, isNew: boolean): ExpectedFile[] {
      if (size < minimumBytes) return []
      const wall = compiled.match(path)
      if (wall === null) return []
      const changedAt = Math.min(at, Number(mtimeNs / 1_000_000n))
      const found = compiled.isDated ? findDated(wall) : findAt(isNew ? at : changedAt)
      // A name with a date further ahead comes from a wrong clock.
      const isNear = ({ start }: ExpectedFile) => start <= at + everyMinutes * MINUTE_MS
      return found
        .filter((file) => isNear(file) && isOpen(file))
        .map((file) => ({
          ...file,
          path,
          // A missing file was looked for when it was due: it has come since.
          arrivedAt: missing.has(file.start) ? at : changedAt,
        }))
    },
    arrived(some: readonly ExpectedFile[]): void {
      for (const file of some) {
        lastArrived = Math.max(lastArrived, file.start)
        if (!missing.delete(file.start)) early.set(file.start, file)
      }
    },
    state(): ExpectedState {
      // After a later file has come, the gap is in the report, and nothing fails any more.
      const failing = [...missing.values()].filter(({ start }) => start > lastArrived)
      const newest = failing.reduce<ExpectedFile | null>(
        (found, one) => (found === null || one.start > found.start ? one : found),
        null,
      )
      return {
        pattern,
        missing: newest && { files: failing.length, path: newest.path, start: newest.start, due: newest.due },
        nextDue: this.nextDue(),
      }
    },
  }

  function findDated(wall: number): ExpectedFile[] {
    // Most files are older than all that is expected.
    const oldest = Math.min(until - within, ...missing.keys())
    if (wall < oldest - ZONES_APART_MS - everyMinutes * MINUTE_MS) return []
    const starts = findStarts(toPeriodWall(wall, settings), settings)
    return starts.map((start) => toMissing(firstOf(periodsFrom(start, settings), () => true)))
  }

  /** Without a date in its name, a file counts for each period until whose deadline it came. */
  function findAt(at: number): ExpectedFile[] {
    const found: ExpectedFile[] = []
    for (const period of periodsFrom(at - within, settings)) {
      if (period.start > at) return found
      const file = toMissing(period)
      if (at <= file.due) found.push(file)
    }
    return found
  }
}

function firstOf<T>(some: Iterable<T, never>, isWanted: (one: T) => boolean): T {
  for (const one of some) if (isWanted(one)) return one
  throw new RangeError('time is over')
}
