import { Worker } from 'node:worker_threads'
import { clearLane, type LaneMemory, look, MOST_LANES, retire } from './lane-memory.ts'
import type { LaneData, SlotPath } from './run-lane.ts'

/** Lanes that share the work while none is stalled: with two, a stall costs the others no time at all. */
export const WIDTH = 2
/** A read that is out longer than this, in milliseconds, stalls its lane. Disks that turn need some tens. */
export const STALL_MS = 30
/** A lane that could not be started is not tried again for this long, in milliseconds. */
const RETRY_MS = 5_000

interface Lane {
  index: number
  worker: Worker
  isReady: boolean
  /** Where it stood when it was last seen to have moved, and when that was. */
  at: number
  sinceMs: number
  isStalled: boolean
}

export interface CrewEvents {
  /** What the slots stand for, for a lane that starts. */
  paths(): SlotPath[]
  /** A lane has been at this slot's read for too long. False: that read is not of interest. */
  stalled(lane: number, slot: number): boolean
  /** A lane's thread has ended; the slot that it was reading, if any. Nobody knows what came of it. */
  lost(slot: number | null): void
}

/** The lanes' threads. */
export interface Crew {
  /** How many lanes there are, stalled ones too. */
  readonly size: number
  /** Whether any lane takes work. */
  hasRunning(): boolean
  /** Starts lanes until enough are sound; sends those home that a stall had brought in. */
  keepWidth(): void
  /** Finds the lanes that stall, and those that have gone on. */
  look(): void
  tell(paths: readonly SlotPath[]): void
  /** Returns at once, whatever the lanes are stuck in. */
  close(): void
}

/** @param thread is the host's own script that calls runLane. */
export function createCrew(
  thread: URL,
  buffer: SharedArrayBuffer,
  memory: LaneMemory,
  events: CrewEvents,
): Crew {
  const lanes = new Map<number, Lane>()
  let isClosed = false
  let brokenUntilMs = Number.NEGATIVE_INFINITY

  const start = () => {
    const index = Array.from({ length: MOST_LANES }, (_, one) => one).find((one) => !lanes.has(one))
    if (index === undefined || performance.now() < brokenUntilMs) return
    clearLane(memory, index)
    const workerData: LaneData = { buffer, lane: index, paths: events.paths() }
    const worker = new Worker(thread, {
      workerData,
      resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 32 },
    })
    worker.unref()
    const lane: Lane = { index, worker, isReady: false, at: 0, sinceMs: 0, isStalled: false }
    lanes.set(index, lane)
    worker.once('message', () => {
      lane.isReady = true
    })
    worker.once('error', () => {
      brokenUntilMs = performance.now() + RETRY_MS
    })
    worker.once('exit', () => lose(lane))
  }

  const lose = (lane: Lane) => {
    lanes.delete(lane.index)
    if (isClosed) return
    const { at, slot } = look(memory, lane.index)
    events.lost(at === 0 ? null : slot)
  }

  const lookAt = (lane: Lane, now: number) => {
    const { at, slot } = look(memory, lane.index)
    if (at !== lane.at) Object.assign(lane, { at, sinceMs: now, isStalled: false })
    else if (at !== 0 && !lane.isStalled && now - lane.sinceMs >= STALL_MS) {
      lane.isStalled = true
      lane.isStalled = events.stalled(lane.index, slot)
    }
  }

  return {
    get size() {
      return lanes.size
    },
    hasRunning: () => [...lanes.values()].some((lane) => lane.isReady && !lane.isStalled),
    keepWidth: () => {
      const sound = [...lanes.values()].filter(({ isStalled }) => !isStalled)
      for (let count = sound.length; count < WIDTH; count += 1) start()
      for (const { index } of sound.filter(({ isReady }) => isReady).slice(WIDTH)) retire(memory, index)
    },
    look: () => {
      const now = performance.now()
      for (const lane of lanes.values()) lookAt(lane, now)
    },
    tell: (paths) => {
      for (const { worker } of lanes.values()) worker.postMessage(paths)
    },
    close: () => {
      isClosed = true
      // Not waited for: a lane that is stuck in the kernel ends with its process.
      for (const { worker } of lanes.values()) void worker.terminate()
    },
  }
}
