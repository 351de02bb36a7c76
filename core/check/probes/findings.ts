import type { ProbeKind } from '../messages.ts'
import type { SystemError } from './errno.ts'
import type { KnownMount } from './identity.ts'

/** One step of a probe that failed: a call that the system refused, or a fact that no call would tell. */
export type Failure =
  | ({ step: string; cause: 'call' } & SystemError)
  /** Nothing is left: of the bytes, or of the inodes alone. */
  | { step: string; cause: 'no-inodes' }
  | { step: 'mount'; cause: 'unmounted'; point: string }
  | { step: 'mount'; cause: 'read-only' | 'emergency'; point: string }
  | { step: 'mount'; cause: 'ext4-errors'; point: string; count: number }

/**
 * storage: a file or a block device. fifo: whoever opens it waits for its other end, not for a disk (fifo(7)).
 * other: a directory, a socket, a character device.
 */
export type KindOfPath = 'storage' | 'fifo' | 'other'

/** What one probe found; it is well if no step failed. */
export interface ProbeFinding {
  failures: Failure[]
  elapsedMs: number
}

/** What is remembered of a path from one check to the next. */
export interface PathMemory {
  known: KnownMount | null
  /** ext4's errors_count when the file system was last known to be sound; null: not ext4, or not looked at yet. */
  soundErrorsCount: number | null
  /** The mount was faultily read-only, or away, at the last check. */
  wasFaulty: boolean
  /** The file system refuses O_DIRECT. */
  isBuffered: boolean
  /** Monotonic milliseconds of the last search for probe files that a killed run left behind. */
  tidiedMs: number | null
  /**
   * Set by a check that found a file, or a disk, well: as long as no mount above these paths has changed since this
   * generation of the mount table, and until this time (monotonic milliseconds), a read alone tells as much.
   */
  readSuffices: { paths: string[]; generation: number; untilMs: number } | null
  /** The name of a probe file that could not be removed. */
  unremoved: string | null
}

export const freshMemory: PathMemory = {
  known: null,
  soundErrorsCount: null,
  wasFaulty: false,
  isBuffered: false,
  tidiedMs: null,
  readSuffices: null,
  unremoved: null,
}

export interface Findings {
  probes: Partial<Record<ProbeKind, ProbeFinding>>
  /** Milliseconds of the read: open, one read of 4096 bytes, close; null where it failed. */
  delayMs: number | null
  memory: PathMemory
}

/** Where a check that is still out has got to: all that can be said of it if it never returns. */
export interface Progress {
  probe: ProbeKind
  step: string
  /** The probes that are already done. */
  done: Partial<Record<ProbeKind, ProbeFinding>>
  delayMs: number | null
  /** Monotonic milliseconds of its first call; null while it waits for a thread. */
  begunMs: number | null
  /** What is there; null as long as it has not been found. */
  kind: KindOfPath | null
  /** Called when the rest may hang for reasons of its own (a FIFO, a device): not the file system's fault. */
  leaveFileSystem: () => void
}

export function callFailure(step: string, error: SystemError): Failure {
  return { step, cause: 'call', ...error }
}

export function newProgress(probes: readonly ProbeKind[]): Omit<Progress, 'leaveFileSystem'> {
  const probe = probes.includes('mount') ? 'mount' : (probes[0] ?? 'read')
  return { probe, step: 'open', done: {}, delayMs: null, begunMs: 0, kind: null }
}
