import { message } from '../../words/message.ts'
import type { Checked, Verdict } from '../messages.ts'
import type { CheckProgress, Findings } from '../probes/findings.ts'
import { fileSystemHungVerdict, gravest, hungVerdict, noThreadVerdict, verdictOf } from '../verdict.ts'
import { callAt } from './timetable.ts'
import type { Watch } from './watched-path.ts'

/** Reports go out at most this often, in milliseconds. */
const REPORT_EVERY_MS = 100
/** Verdicts that arrive together go out together. */
const GATHER_MS = 5
/** A report of more paths than this goes out in parts: no message may hold the supervisor up. */
const MOST_PATHS = 1_000

/** Whom a verdict is about, and what is remembered of it. */
type Subject = Pick<Watch, 'target' | 'memory'>

/** Puts into words what checks have found. `at` is the wall time of the check, in milliseconds. */
export type Reporter = ReturnType<typeof createReporter>

export function createReporter(report: (checked: Checked[]) => void) {
  /** Of one path only the newest waits. */
  const waiting = new Map<string, Checked>()
  let slowLimitMs = Number.POSITIVE_INFINITY
  let reportedMs = Number.NEGATIVE_INFINITY
  let cancel: (() => void) | null = null

  const reportSome = () => {
    cancel = null
    reportedMs = performance.now()
    const some = [...waiting.values()].slice(0, MOST_PATHS)
    for (const { id } of some) waiting.delete(id)
    if (some.length > 0) report(some)
    if (waiting.size > 0) reportSoon()
  }
  const reportSoon = () => {
    cancel ??= callAt(Math.max(reportedMs + REPORT_EVERY_MS, performance.now() + GATHER_MS), reportSome)
  }

  const tell = (
    { target: { id, path }, memory: { known, wasFaulty, ...memory } }: Subject,
    at: number,
    probes: Checked['probes'],
    verdict: Verdict,
    delayMs: number | null,
  ) => {
    const mount = known?.mount ?? null
    const readOnlyByIntent = known?.readOnlyByIntent ?? false
    const isQuietlyReadOnly = readOnlyByIntent && verdict.kind === 'ok'
    const overall = isQuietlyReadOnly
      ? { ...verdict, sentence: message('check.okReadOnly', { path }) }
      : verdict
    // After a fault that is told for itself they are reckoned anew, by the next process as by this one.
    const soundErrorsCount = wasFaulty ? null : memory.soundErrorsCount
    waiting.set(id, { id, path, at, overall, probes, delayMs, mount, readOnlyByIntent, soundErrorsCount })
    reportSoon()
  }

  const tellUntouched = (subject: Subject, at: number, verdict: Verdict) => {
    const probes = Object.fromEntries(subject.target.probes.map((probe) => [probe, verdict]))
    tell(subject, at, probes, verdict, null)
  }

  const verdictsOf = (path: string, probes: Findings['probes']): Checked['probes'] =>
    Object.fromEntries(
      Object.entries(probes).map(([probe, finding]) => [probe, verdictOf(path, finding, slowLimitMs)]),
    )

  return {
    /** Well probes that took longer than this, in milliseconds, are slow. */
    setSlowLimit: (limitMs: number) => {
      slowLimitMs = limitMs
    },
    findings: (subject: Subject, at: number, findings: Findings) => {
      const probes = verdictsOf(subject.target.path, findings.probes)
      tell(subject, at, probes, gravest(subject.target.path, probes), findings.delayMs)
    },
    /** The check is out past its deadline: what came back of it, and the probe that did not. */
    hung: (subject: Subject, at: number, progress: CheckProgress, sinceMs: number) => {
      const { path } = subject.target
      const hung = hungVerdict(path, progress.step, performance.now() - sinceMs)
      const probes = { ...verdictsOf(path, progress.done), [progress.probe]: hung }
      tell(subject, at, probes, hung, progress.probe === 'read' ? null : progress.delayMs)
    },
    /** Other paths hang on the same file system: said without touching it once more. */
    fileSystemHung: (subject: Subject, at: number, sinceMs: number) => {
      const { path } = subject.target
      const point = subject.memory.known?.mount.point ?? path
      tellUntouched(subject, at, fileSystemHungVerdict(path, point, performance.now() - sinceMs))
    },
    /** So many checks hang, wherever, that this one was not begun. */
    noThread: (subject: Subject, at: number) =>
      tellUntouched(subject, at, noThreadVerdict(subject.target.path)),
    /** A path is no longer checked: what waits to be said of it is not said. */
    forget: (id: string) => void waiting.delete(id),
    stop: () => {
      cancel?.()
      cancel = null
      waiting.clear()
    },
  }
}
