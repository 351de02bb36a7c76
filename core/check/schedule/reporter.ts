import type { Clock } from '../clock.ts'
import type { Checked, CheckedPath, ProbeKind, Verdict } from '../messages.ts'
import type { Findings, PathMemory, Progress } from '../probes/findings.ts'
import { fileSystemHungVerdict, gravest, hungVerdict, noThreadVerdict, verdictOf } from '../verdict.ts'
import type { ReportBatch } from './report-batch.ts'

/** Whom a verdict is about, and what is remembered of it. */
export interface Subject {
  readonly target: CheckedPath
  memory: PathMemory
}

/** Puts into words what checks have found. `at` is the wall time of the check, in milliseconds. */
export type Reporter = ReturnType<typeof createReporter>

export function createReporter(clock: Clock, batch: Pick<ReportBatch, 'add'>) {
  let slowLimitMs = Number.POSITIVE_INFINITY

  const tell = (
    { target: { id, path }, memory: { known, wasFaulty, ...memory } }: Subject,
    at: number,
    probes: Checked['probes'],
    overall: Verdict,
    delayMs: number | null,
  ) => {
    const mount = known?.mount ?? null
    const readOnlyByIntent = known?.readOnlyByIntent ?? false
    // After a fault that is told for itself they are reckoned anew, by the next process as by this one.
    const soundErrorsCount = wasFaulty ? null : memory.soundErrorsCount
    batch.add({ id, path, at, overall, probes, delayMs, mount, readOnlyByIntent, soundErrorsCount })
  }

  const tellUntouched = (subject: Subject, at: number, verdict: Verdict) => {
    const probes = Object.fromEntries(subject.target.probes.map((probe) => [probe, verdict]))
    tell(subject, at, probes, verdict, null)
  }

  return {
    /** Well probes that took longer than this, in milliseconds, are slow. */
    setSlowLimit: (limitMs: number) => {
      slowLimitMs = limitMs
    },
    findings: (subject: Subject, at: number, findings: Findings) => {
      const probes = verdictsOf(subject.target.path, findings.probes, slowLimitMs)
      tell(subject, at, probes, gravest(subject.target.path, probes), findings.delayMs)
    },
    /** The check is out past its deadline: what came back of it, and the probe that did not. */
    hung: (subject: Subject, at: number, progress: Progress, sinceMs: number) => {
      const { path } = subject.target
      const hung = hungVerdict(path, progress.step, clock.now() - sinceMs)
      const probes = { ...verdictsOf(path, progress.done, slowLimitMs), [progress.probe]: hung }
      tell(subject, at, probes, hung, progress.probe === 'read' ? null : progress.delayMs)
    },
    /** Other paths hang on the same file system: said without touching it once more. */
    fileSystemHung: (subject: Subject, at: number, sinceMs: number) => {
      const { path } = subject.target
      const point = subject.memory.known?.mount.point ?? path
      tellUntouched(subject, at, fileSystemHungVerdict(path, point, clock.now() - sinceMs))
    },
    /** So many checks hang, wherever, that this one was not begun. */
    noThread: (subject: Subject, at: number) =>
      tellUntouched(subject, at, noThreadVerdict(subject.target.path)),
  }
}

function verdictsOf(path: string, probes: Findings['probes'], slowLimitMs: number): Checked['probes'] {
  const verdicts: Checked['probes'] = {}
  for (const [probe, finding] of Object.entries(probes) as [
    ProbeKind,
    NonNullable<Findings['probes'][ProbeKind]>,
  ][]) {
    verdicts[probe] = verdictOf(path, finding, slowLimitMs)
  }
  return verdicts
}
