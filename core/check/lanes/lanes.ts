import { createCrew, WIDTH } from './crew.ts'
import {
  collect,
  type LaneMemory,
  laneMemory,
  look,
  MOST_SLOTS,
  newSharedBuffer,
  offer,
  type ReadStep,
  readSteps,
  take,
} from './lane-memory.ts'
import type { SlotPath } from './run-lane.ts'
import { createStalls } from './stalls.ts'

/** How often the front looks at the lanes while reads are out, in milliseconds. */
const LOOK_EVERY_MS = 10
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
  const free: number[] = []
  const stalls = createStalls(() => performance.now())
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

  const comeBack = (slot: number, entry: Entry, tell: () => void) => {
    out -= 1
    entry.isOut = false
    if (entry.isStalled) {
      entry.isStalled = false
      stalls.end(entry.group)
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

  const crew = createCrew(thread, buffer, memory, {
    paths: () => {
      tellLanes()
      return [...entries.values()].filter(({ isRemoved }) => !isRemoved).map(({ path }) => path)
    },
    stalled: (lane, slot) => {
      const entry = entries.get(slot)
      if (entry === undefined || !entry.isOut) return false
      entry.isStalled = true
      stalls.begin(entry.group)
      crew.keepWidth()
      sortOut()
      if (!entry.isRemoved) entry.stalled(() => look(memory, lane).step)
      return true
    },
    lost: (slot) => {
      const entry = slot === null ? undefined : entries.get(slot)
      if (slot !== null && entry?.isOut) comeBack(slot, entry, () => entry.withdrawn())
      if (!crew.hasRunning()) sortOut()
    },
  })

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
    const hasLane = crew.hasRunning()
    for (const slot of slots) {
      const entry = entries.get(slot)
      if (entry === undefined) continue
      const state = stalls.stateOf(entry.group, hasLane)
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
    crew.look()
    crew.keepWidth()
    if (parked.length > 0) sortOut()
    if (out > 0) timer = setTimeout(turn, LOOK_EVERY_MS)
  }

  const tellLanes = () => {
    if (untold.length === 0) return
    crew.tell(untold)
    untold = []
  }

  const flush = () => {
    const slots = unoffered
    unoffered = []
    if (isClosed) return
    tellLanes()
    distribute(slots)
    if (out > 0) timer ??= setTimeout(turn, LOOK_EVERY_MS)
    else crew.keepWidth()
  }

  return {
    add: (path, isBuffered, events) => {
      const slot = free.pop() ?? (lastSlot + 1 < MOST_SLOTS ? lastSlot + 1 : null)
      if (slot === null || isClosed) return null
      lastSlot = Math.max(lastSlot, slot)
      generation = (generation + 1) | 0
      const told: SlotPath = { slot, generation, path, isBuffered }
      Atomics.store(memory.generation, slot, generation)
      if (crew.size > 0) untold.push(told)
      entries.set(slot, { ...events, path: told, isOut: false, isRemoved: false, isStalled: false })
      if (crew.size === 0) crew.keepWidth()
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
      crew.close()
    },
  }
}
