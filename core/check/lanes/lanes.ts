import { Worker } from 'node:worker_threads'
import {
  clearLane,
  collect,
  type LaneMemory,
  laneMemory,
  look,
  MOST_LANES,
  MOST_SLOTS,
  newSharedBuffer,
  offer,
  type ReadStep,
  readSteps,
  retire,
  take,
} from './lane-memory.ts'
import type { LaneData, SlotPath } from './run-lane.ts'

/** Lanes that share the work while none is stalled: with two, a stall costs the others no time at all. */
const WIDTH = 2
/** How often the front looks at the lanes while reads are out, in milliseconds. */
const LOOK_EVERY_MS = 10
/** A read that is out longer than this, in milliseconds, stalls its lane. Disks that turn need some tens. */
export const STALL_MS = 30
/** So many reads of one file system that stall at once mean the file system; one may be a disk that is busy. */
const STALLS_PER_GROUP = 2
/** A file system that is blocked for longer than this, in milliseconds, may hang: its paths are withdrawn. */
const PARKED_MS = 250
/** A lane that could not be started is not tried again for this long, in milliseconds. */
const RETRY_MS = 5_000

/** What one read found: open, one read of 4096 bytes, close. */
export interface LaneRead {
  /** The system's error number; 0: well. */
  errno: number
  step: ReadStep
  delayMs: number
  isBuffered: boolean
}

/** One path that may be read by the lanes, as long as it is not removed. */
export interface LanePath {
  /** Its file system: while some reads of it stall, the others are not tried in a lane. */
  group: string
  finished(found: LaneRead): void
  /** The read takes long: its lane is its alone from now on. `finished` is still called, if it ever comes back. */
  stalled(step: () => ReadStep): void
  /** It was not read: its file system stalls, or no lane is free. It is to be read in a thread of its own. */
  withdrawn(): void
}

export interface Lanes {
  /** A number for the path, which is one character a byte (latin1); null where no more fit. */
  add(path: string, isBuffered: boolean, events: LanePath): number | null
  /** The number's path is not of interest any more; nothing more is said of it. */
  remove(slot: number): void
  /** Reads a path once, soon; it must not be out already. */
  read(slot: number): void
  /** Returns at once, whatever the lanes are stuck in. */
  close(): void
}

interface Lane {
  index: number
  worker: Worker
  isReady: boolean
  /** Where it stood when it was last seen to have moved, and when that was. */
  at: number
  sinceMs: number
  isStalled: boolean
}

interface Entry extends LanePath {
  path: SlotPath
  isOut: boolean
  isRemoved: boolean
  isStalled: boolean
}

/**
 * Reads healthy paths cheaply: in threads that make synchronous calls, one after another. This side only looks
 * at where they stand. When a read stalls, what waits behind it goes to the other lanes at once, and a further lane
 * is started; the stalled one comes back when its call does. Once two reads of one file system stall, its other
 * paths are withdrawn.
 *
 * @param thread is the host's own script that calls runLane.
 */
export function createLanes(thread: URL): Lanes {
  const buffer = newSharedBuffer()
  const memory: LaneMemory = laneMemory(buffer)
  const entries = new Map<number, Entry>()
  const lanes = new Map<number, Lane>()
  const free: number[] = []
  /** Reads that stall, by file system. */
  const stalls = new Map<string, { count: number; sinceMs: number }>()
  /** Slots that are out, but in no queue: their file system is blocked, which may pass. */
  let parked: number[] = []
  let lastSlot = -1
  let generation = 0
  let collected = 0
  let out = 0
  let unoffered: number[] = []
  /** What slots stand for, of which running lanes have not been told. */
  let untold: SlotPath[] = []
  let timer: NodeJS.Timeout | null = null
  let isClosed = false
  let brokenUntilMs = Number.NEGATIVE_INFINITY

  /** A file system that stalls may only be busy, so its paths wait a little; those of others are not kept waiting. */
  const stateOf = ({ group }: Entry, hasLane: boolean): 'open' | 'blocked' | 'given up' => {
    const stall = stalls.get(group)
    if (hasLane && (stall === undefined || stall.count < STALLS_PER_GROUP)) return 'open'
    return stall !== undefined && performance.now() - stall.sinceMs < PARKED_MS ? 'blocked' : 'given up'
  }

  const running = () => [...lanes.values()].filter((lane) => lane.isReady && !lane.isStalled)

  const startLane = () => {
    const index = Array.from({ length: MOST_LANES }, (_, one) => one).find((one) => !lanes.has(one))
    if (index === undefined || performance.now() < brokenUntilMs) return
    clearLane(memory, index)
    tellLanes()
    const paths = [...entries.values()].filter(({ isRemoved }) => !isRemoved).map(({ path }) => path)
    const workerData: LaneData = { buffer, lane: index, paths }
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

  /** A lane's thread has ended. If it was at a read, nobody knows what came of it. */
  const lose = (lane: Lane) => {
    lanes.delete(lane.index)
    if (isClosed) return
    const { at, slot } = look(memory, lane.index)
    const entry = entries.get(slot)
    if (at !== 0 && entry?.isOut) comeBack(slot, entry, () => entry.withdrawn())
    if (running().length === 0) sortOut()
  }

  const keepWidth = () => {
    const sound = [...lanes.values()].filter(({ isStalled }) => !isStalled)
    for (let count = sound.length; count < WIDTH; count += 1) startLane()
    for (const { index } of sound.filter(({ isReady }) => isReady).slice(WIDTH)) retire(memory, index)
  }

  const comeBack = (slot: number, entry: Entry, tell: () => void) => {
    out -= 1
    entry.isOut = false
    if (entry.isStalled) {
      entry.isStalled = false
      const stall = stalls.get(entry.group)
      if (stall !== undefined) stall.count -= 1
      if (stall?.count === 0) stalls.delete(entry.group)
    }
    if (entry.isRemoved) release(slot)
    else tell()
  }

  const release = (slot: number) => {
    entries.delete(slot)
    free.push(slot)
  }

  const collectAll = () => {
    for (let slot = collect(memory, collected); slot !== null; slot = collect(memory, collected)) {
      collected = (collected + 1) | 0
      const entry = entries.get(slot)
      if (entry === undefined || !entry.isOut) continue
      const found: LaneRead = {
        errno: memory.errno[slot] ?? 0,
        step: readSteps[memory.step[slot] ?? 0] ?? 'open',
        delayMs: memory.delayMs[slot] ?? 0,
        isBuffered: memory.isBuffered[slot] === 1,
      }
      comeBack(slot, entry, () => entry.finished(found))
    }
  }

  const lookAtLanes = () => {
    const now = performance.now()
    for (const lane of lanes.values()) {
      const { at, slot } = look(memory, lane.index)
      if (at !== lane.at) Object.assign(lane, { at, sinceMs: now, isStalled: false })
      else if (at !== 0 && !lane.isStalled && now - lane.sinceMs >= STALL_MS) stall(lane, slot)
    }
  }

  const stall = (lane: Lane, slot: number) => {
    const entry = entries.get(slot)
    if (entry === undefined || !entry.isOut) return
    lane.isStalled = true
    entry.isStalled = true
    const { count } = stalls.get(entry.group) ?? { count: 0 }
    stalls.set(entry.group, { count: count + 1, sinceMs: performance.now() })
    keepWidth()
    sortOut()
    if (!entry.isRemoved) entry.stalled(() => look(memory, lane.index).step)
  }

  /** Takes back what no lane has begun. */
  const takeBack = (): number[] => {
    const slots = parked
    parked = []
    for (let work = take(memory); work !== null; work = take(memory)) slots.push(work.slot)
    return slots
  }

  /** Offers to the lanes what they may read, paths of sound file systems first; the others wait or go back. */
  const distribute = (slots: readonly number[]) => {
    const first: number[] = []
    const last: number[] = []
    const hasLane = running().length > 0
    for (const slot of slots) {
      const entry = entries.get(slot)
      if (entry === undefined) continue
      const state = stateOf(entry, hasLane)
      if (state === 'given up') comeBack(slot, entry, () => entry.withdrawn())
      else if (state === 'blocked') parked.push(slot)
      else if (stalls.has(entry.group)) last.push(slot)
      else first.push(slot)
    }
    const offered = [...first, ...last]
    if (offered.length > 0) offer(memory, offered, Math.min(WIDTH, offered.length))
  }

  const sortOut = () => distribute(takeBack())

  const turn = () => {
    timer = null
    collectAll()
    lookAtLanes()
    keepWidth()
    if (parked.length > 0) sortOut()
    if (out > 0) timer = setTimeout(turn, LOOK_EVERY_MS)
  }

  const tellLanes = () => {
    if (untold.length === 0) return
    for (const { worker } of lanes.values()) worker.postMessage(untold)
    untold = []
  }

  const flush = () => {
    const slots = unoffered
    unoffered = []
    if (isClosed) return
    tellLanes()
    distribute(slots)
    if (out > 0) timer ??= setTimeout(turn, LOOK_EVERY_MS)
    else keepWidth()
  }

  return {
    add: (path, isBuffered, events) => {
      const slot = free.pop() ?? (lastSlot + 1 < MOST_SLOTS ? lastSlot + 1 : null)
      if (slot === null || isClosed) return null
      lastSlot = Math.max(lastSlot, slot)
      generation = (generation + 1) | 0
      const told: SlotPath = { slot, generation, path, isBuffered }
      Atomics.store(memory.generation, slot, generation)
      if (lanes.size > 0) untold.push(told)
      entries.set(slot, { ...events, path: told, isOut: false, isRemoved: false, isStalled: false })
      if (lanes.size === 0) keepWidth()
      return slot
    },
    remove: (slot) => {
      const entry = entries.get(slot)
      if (entry === undefined) return
      entry.isRemoved = true
      // The slot is nobody else's until its read has come back.
      if (!entry.isOut) release(slot)
    },
    read: (slot) => {
      const entry = entries.get(slot)
      if (entry === undefined || entry.isOut) return
      entry.isOut = true
      out += 1
      if (unoffered.length === 0) setImmediate(flush)
      unoffered.push(slot)
    },
    close: () => {
      isClosed = true
      if (timer !== null) clearTimeout(timer)
      // Not waited for: a lane that is stuck in the kernel ends with its process.
      for (const { worker } of lanes.values()) void worker.terminate()
    },
  }
}
