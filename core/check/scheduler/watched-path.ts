import { isWithin } from '../../platform/mounts/mountinfo.ts'
import type { PathToCheck } from '../checker-messages.ts'
import { type CheckProgress, type Findings, newProgress, type PathMemory } from '../probes/findings.ts'
import type { Timetable } from './timetable.ts'

/** A path on its timetable. */
export class Watch {
  readonly target: PathToCheck
  timetable: Timetable = { startMs: 0, intervalMs: 0 }
  tick = 0
  cancelTick = () => {}
  memory: PathMemory
  /** Monotonic milliseconds of the start of its last check, and of its last spot check. */
  begunMs = Number.NEGATIVE_INFINITY
  spotCheckedMs = Number.NEGATIVE_INFINITY
  /** The check that runs or waits for its turn. */
  check: Check | null = null

  constructor(target: PathToCheck, memory: PathMemory) {
    this.target = target
    this.memory = memory
  }
}

/** A check, from before its start. */
export class Check {
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

  constructor(watch: Watch, at: number, fileSystem: string) {
    this.watch = watch
    this.at = at
    this.fileSystem = fileSystem
    this.progress = newProgress(watch.target.probes)
  }
}

/** Returns the last known mount point of a path; before its first check, its own path, which may be one. */
export function getMountPoint({ memory, target }: Watch): string {
  return memory.known?.mount.point ?? target.path
}

/** True if a path was last known on this mount point; before its first check, if it may be. */
export function isOn({ memory, target }: Watch, point: string): boolean {
  return memory.known === null ? isWithin(target.path, point) : memory.known.mount.point === point
}

export function brokenProbe({ probe, step }: CheckProgress, reason: string, memory: PathMemory): Findings {
  const failure = { step, cause: 'call' as const, errno: 0, code: reason }
  return { probes: { [probe]: { failures: [failure], elapsedMs: 0 } }, delayMs: null, memory }
}
