import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { errorCode } from '../../platform/system-error.ts'
import type { ProbeKind, RememberedMount } from '../checker-messages.ts'

/** A failed system call: the system's number (positive) and its name, such as 30 and EROFS. */
export interface SystemError {
  errno: number
  code: string
}

/** A failed step of a probe: a failed system call, or a fault that no call reports. */
export type Failure =
  | ({ step: string; cause: 'call' } & SystemError)
  /** ENOSPC because the file system has no free inodes; a lack of bytes is a failed call. */
  | { step: string; cause: 'no-inodes' }
  | { step: 'mount'; cause: 'unmounted'; point: string }
  | { step: 'mount'; cause: 'read-only' | 'emergency'; point: string }
  | { step: 'mount'; cause: 'ext4-errors'; point: string; count: number }

/** Result of one probe; it succeeded if no step failed. */
export interface ProbeFinding {
  failures: Failure[]
  elapsedMs: number
}

/** The state of a path that is kept from one check to the next. */
export interface PathMemory {
  known: Pick<RememberedMount, 'mount' | 'readOnlyByIntent'> | null
  /** ext4's errors_count when the file system was last known to be sound; null: not ext4, or not read yet. */
  soundErrorsCount: number | null
  /** At the last check the mount was missing, or read-only by a fault. */
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
  /** Milliseconds of the read: open, one read of 4096 bytes, close; null if it failed. */
  delayMs: number | null
  memory: PathMemory
  /** See `checkedSchema`. */
  leadsTo?: string | null
}

/** Progress of a running check: all that can be reported if it never returns. */
export interface CheckProgress {
  probe: ProbeKind
  step: string
  /** The probes that are already done. */
  done: Partial<Record<ProbeKind, ProbeFinding>>
  delayMs: number | null
}

export function newProgress(probes: readonly ProbeKind[]): CheckProgress {
  const probe = probes.includes('mount') ? 'mount' : (probes[0] ?? 'read')
  return { probe, step: 'open', done: {}, delayMs: null }
}

export function callFailure(step: string, error: SystemError): Failure {
  return { step, cause: 'call', ...error }
}

/** A name of a system error, unlike those of Node.js' own errors (ERR_…). */
const NAME = /^E[A-Z0-9]+$/

/** Returns the system error of a failed call of node:fs; EINVAL for an argument that Node.js itself rejected. */
export function toSystemError(error: unknown): SystemError {
  const isSystem = typeof error === 'object' && error !== null && 'errno' in error
  const errno = isSystem && typeof error.errno === 'number' ? Math.abs(error.errno) : constants.errno.EINVAL
  const named = errorCode(error) ?? ''
  const code = isSystem && NAME.test(named) ? named : errorName(errno)
  // On Windows the number in the error is libuv's own.
  return { errno: (constants.errno as Record<string, number>)[code] ?? errno, code }
}

/** Returns the name of a system error's number (positive), such as EROFS for 30. */
export function errorName(errno: number): string {
  const name = getSystemErrorName(-errno)
  if (NAME.test(name)) return name
  // Numbers that Node.js has no name for, such as EUCLEAN.
  const named = Object.entries(koffi().os.errno).find(([, number]) => number === errno)
  return named?.[0] ?? `E${errno}`
}

let strerrorCall: ((errno: number) => string) | null = null

/** Returns strerror(3) of a system error's number (positive), in the C locale: Node's own texts (libuv's) differ. */
export function strerror(errno: number): string {
  // Windows' node.exe exports no function of the C library.
  const library = process.platform === 'win32' ? 'ucrtbase.dll' : null
  strerrorCall ??= koffi().load(library).func('const char *strerror(int errno)')
  return strerrorCall(errno)
}

type Koffi = typeof import('koffi')

/** Loaded at first use: the check of a path without errors does not need it. */
const koffi = (): Koffi => createRequire(import.meta.url)('koffi') as Koffi
