import type { ReadStep } from '../lanes/lane-memory.ts'
import type { Lanes } from '../lanes/lanes.ts'
import { afterRead, isSteady, unknownSteadiness } from '../lanes/steadiness.ts'
import type { CheckedPath } from '../messages.ts'
import type { Disk } from '../probes/disk.ts'
import type { Findings, PathMemory } from '../probes/findings.ts'

export interface QuickCheckEvents {
  /** The read came back; null: it failed or was not done, and all the probes have to tell. */
  finished(findings: Findings | null): void
  /** It takes long, and has a thread of its own now. `finished` is still called, if it ever comes back. */
  stalled(step: ReadStep): void
}

/** The cheap check of one path: a single read in a lane, as long as that tells as much as all its probes. */
export interface QuickCheck {
  /** Begins the read; false where the check has to be a full one. */
  begin(memory: PathMemory): boolean
  /** A full check has come back after so many milliseconds. */
  fullCheckTook(elapsedMs: number): void
  /** The path is not checked any more. */
  end(): void
}

export type QuickLanes = Pick<Lanes, 'add' | 'remove' | 'read'>

export function createQuickCheck(
  lanes: QuickLanes,
  disk: Disk,
  { path, probes }: CheckedPath,
  { finished, stalled }: QuickCheckEvents,
): QuickCheck {
  let slot: number | null = null
  let group = ''
  let steadiness = unknownSteadiness
  let isOut = false
  let isEnded = false
  let before: PathMemory | null = null

  const comeBack = (findings: Findings | null) => {
    isOut = false
    if (isEnded && slot !== null) lanes.remove(slot)
    finished(findings)
  }
  const addSlot = (memory: PathMemory) =>
    lanes.add(Buffer.from(path).toString('latin1'), memory.isBuffered, {
      group,
      finished: ({ errno, delayMs, isBuffered }) => {
        steadiness = afterRead(steadiness, true, delayMs)
        const isAsBefore = errno === 0 && isBuffered === before?.isBuffered
        comeBack(isAsBefore && before !== null ? wellFindings(probes, delayMs, before) : null)
      },
      stalled: (step) => stalled(step()),
      withdrawn: () => {
        steadiness = { ...steadiness, owed: Math.max(1, steadiness.owed) }
        comeBack(null)
      },
    })

  return {
    begin: (memory) => {
      if (isOut || !isSteady(steadiness) || !disk.isReadEnough(probes, memory)) return false
      const fileSystem = disk.fileSystemOf(path, memory)
      // Another one was mounted: reads that stall on the former are no reason to withdraw this path's.
      if (slot !== null && fileSystem !== group) {
        lanes.remove(slot)
        slot = null
      }
      group = fileSystem
      slot ??= addSlot(memory)
      if (slot === null) return false
      before = memory
      isOut = true
      lanes.read(slot)
      return true
    },
    fullCheckTook: (elapsedMs) => {
      steadiness = afterRead(steadiness, false, elapsedMs)
    },
    end: () => {
      isEnded = true
      // A lane may be stuck with it: its file system is blocked until it comes back.
      if (!isOut && slot !== null) lanes.remove(slot)
    },
  }
}

/** Nothing has changed about the mount; so its probe, where it is wanted, finds what it found before. */
function wellFindings(probes: CheckedPath['probes'], delayMs: number, memory: PathMemory): Findings {
  const read = { failures: [], elapsedMs: delayMs }
  return {
    probes: probes.includes('mount') ? { mount: { failures: [], elapsedMs: 0 }, read } : { read },
    delayMs,
    memory,
  }
}
