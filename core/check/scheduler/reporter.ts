import { message } from '../../lib/i18n/message.ts'
import type { Checked, Verdict } from '../checker-messages.ts'
import type { CheckProgress, Findings } from '../probes/findings.ts'
import { fileSystemHungVerdict, hungVerdict, noThreadVerdict, pickGravest, toVerdict } from '../verdict.ts'
import { callAt } from './timetable.ts'
import { getMountPoint, type Watch } from './watched-path.ts'

/** Shortest interval between reports, in milliseconds. */
const REPORT_EVERY_MS = 100
/** Verdicts that arrive within this time are reported together, in milliseconds. */
const GATHER_MS = 5
/** Limit of paths in one report; larger ones are split, so that no message blocks the supervisor. */
const MOST_PATHS = 1_000

/** Turns the findings of checks into reports. `at` is the wall time of the check, in milliseconds. */
export class Reporter {
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
