import type { ProbeKind, RememberedMount } from '../checker-messages.ts'
import type { SystemError } from './errno.ts'

/** One step of a probe that failed: a call that the system refused, or a fact that no call would tell. */
export type Failure =
  | ({ step: string; cause: 'call' } & SystemError)
  /** Nothing is left: of the bytes, or of the inodes alone. */
  | { step: string; cause: 'no-inodes' }
  | { step: 'mount'; cause: 'unmounted'; point: string }
  | { step: 'mount'; cause: 'read-only' | 'emergency'; point: string }
  | { step: 'mount'; cause: 'ext4-errors'; point: string; count: number }

/** What one probe found; it is well if no step failed. */
export interface ProbeFinding {
  failures: Failure[]
  elapsedMs: number
}

/** What is remembered of a path from one check to the next. */
export interface PathMemory {
  known: Pick<RememberedMount, 'mount' | 'readOnlyByIntent'> | null
  /** ext4's errors_count when the file system was last known to be sound; null: not ext4, or not looked at yet. */
  soundErrorsCount: number | null
  /** The mount was faultily read-only, or away, at the last check. */
  wasFaulty: boolean
  /** The file system refuses O_DIRECT. */
  isBuffered: boolean
  /** Monotonic milliseconds of the last search for probe files that a killed run left behind. */
  tidiedMs: number | null
  /** The name of a probe file that could not be removed. */
  unremoved: string | null
}

export const freshMemory: PathMemory = {
  known: null,
  soundErrorsCount: null,
  wasFaulty: false,
  isBuffered: false,
  tidiedMs: null,
  unremoved: null,
}

export interface Findings {
  probes: Partial<Record<ProbeKind, ProbeFinding>>
  /** Milliseconds of the read: open, one read of 4096 bytes, close; null where it failed. */
  delayMs: number | null
  memory: PathMemory
  /** As in the report of the check. */
  leadsTo?: string | null
}

/** Where a check that is still out has got to: all that can be said of it if it never returns. */
export interface CheckProgress {
  probe: ProbeKind
  step: string
  /** The probes that are already done. */
  done: Partial<Record<ProbeKind, ProbeFinding>>
  delayMs: number | null
}

export function callFailure(step: string, error: SystemError): Failure {
  return { step, cause: 'call', ...error }
}

export function newProgress(probes: readonly ProbeKind[]): CheckProgress {
  const probe = probes.includes('mount') ? 'mount' : (probes[0] ?? 'read')
  return { probe, step: 'open', done: {}, delayMs: null }
}
