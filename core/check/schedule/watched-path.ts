import { isWithin } from '../../mounts/mountinfo.ts'
import type { PathToCheck } from '../messages.ts'
import { type CheckProgress, type Findings, newProgress, type PathMemory } from '../probes/findings.ts'
import type { Timetable } from './timetable.ts'

/** One path on its timetable. */
export interface Watch {
  readonly target: PathToCheck
  timetable: Timetable
  tick: number
  cancelTick: () => void
  memory: PathMemory
  /** Monotonic milliseconds of its last check's beginning, and of its last spot check's. */
  begunMs: number
  spotCheckedMs: number
  /** The one check that is out, or waits for its turn. */
  check: Check | null
}

export interface Check {
  readonly watch: Watch
  /** Milliseconds since 1970 of its tick. */
  readonly at: number
  readonly fileSystem: string
  /** Monotonic milliseconds of its first call; null while it waits for its turn. */
  begunMs: number | null
  /** The mounts that led to its path when it was begun (Disk.mountedAs). */
  mountedAs: string
  readonly progress: CheckProgress
  cancelDeadline: () => void
  cancelSuspicion: () => void
  isOverdue: boolean
}

/** A check that has not begun yet. `at` is in milliseconds since 1970. */
export function newCheck(watch: Watch, at: number, fileSystem: string): Check {
  return {
    watch,
    at,
    fileSystem,
    begunMs: null,
    mountedAs: '',
    progress: newProgress(watch.target.probes),
    cancelDeadline: () => undefined,
    cancelSuspicion: () => undefined,
    isOverdue: false,
  }
}

/** The mount point that a path was last known on; before its first check, its own path may be one. */
export function pointOf({ memory, target }: Watch): string {
  return memory.known?.mount.point ?? target.path
}

/** Whether a path was last known on this mount point; before its first check, whether it may be. */
export function isOn({ memory, target }: Watch, point: string): boolean {
  return memory.known === null ? isWithin(target.path, point) : memory.known.mount.point === point
}

export function brokenProbe({ probe, step }: CheckProgress, reason: string, memory: PathMemory): Findings {
  const failure = { step, cause: 'call' as const, errno: 0, code: reason }
  return { probes: { [probe]: { failures: [failure], elapsedMs: 0 } }, delayMs: null, memory }
}
