/** Paths that lanes can know at once; those beyond it are probed in the isolating way alone. A power of two. */
export const MOST_SLOTS = 65_536
const MASK = MOST_SLOTS - 1

/** Threads that there can be at once, running and stalled. */
export const MOST_LANES = 8

/** How far a lane has got with the read that it is at. */
export const readSteps = ['open', 'read', 'close'] as const
export type ReadStep = (typeof readSteps)[number]

/** Cells of `control`. Positions count reads and wrap around at 2³¹: only their differences are looked at. */
const HEAD = 0
const TAIL = 1
const DONE = 2
const FIRST_LANE = 8
const LANE_CELLS = 4
/** 0: idle; otherwise a number that no other read of the near past had, so that a stall can be seen. */
const AT = 0
const SLOT = 1
const STEP = 2
const RETIRED = 3

/** What the front and its lanes share, so that not one message is sent for a read. */
export interface LaneMemory {
  control: Int32Array
  /** Slots to read, by position. */
  queue: Int32Array
  /** Slots that were read, plus one, by the order in which they were; 0: not written yet. */
  done: Int32Array
  /** By slot: the system's error number, or 0. */
  errno: Int32Array
  step: Int32Array
  isBuffered: Int32Array
  /** By slot: which of the paths that it has stood for it stands for now. */
  generation: Int32Array
  delayMs: Float64Array
}

const CONTROL_BYTES = 4 * (FIRST_LANE + LANE_CELLS * MOST_LANES)
const COLUMN_BYTES = 4 * MOST_SLOTS
const COLUMNS = 6

export function newSharedBuffer(): SharedArrayBuffer {
  return new SharedArrayBuffer(8 * MOST_SLOTS + COLUMNS * COLUMN_BYTES + CONTROL_BYTES)
}

export function laneMemory(buffer: SharedArrayBuffer): LaneMemory {
  const columns = 8 * MOST_SLOTS
  const column = (index: number) => new Int32Array(buffer, columns + index * COLUMN_BYTES, MOST_SLOTS)
  return {
    delayMs: new Float64Array(buffer, 0, MOST_SLOTS),
    queue: column(0),
    done: column(1),
    errno: column(2),
    step: column(3),
    isBuffered: column(4),
    generation: column(5),
    control: new Int32Array(buffer, columns + COLUMNS * COLUMN_BYTES),
  }
}

function cell(lane: number, field: number): number {
  return FIRST_LANE + lane * LANE_CELLS + field
}

/** Puts slots into the queue and wakes some lanes. A slot is in the queue once at most, so it never overflows. */
export function offer({ control, queue }: LaneMemory, slots: readonly number[], lanes: number): void {
  const tail = Atomics.load(control, TAIL)
  for (const [index, slot] of slots.entries()) Atomics.store(queue, (tail + index) & MASK, slot)
  Atomics.store(control, TAIL, (tail + slots.length) | 0)
  Atomics.notify(control, TAIL, lanes)
}

/** Takes the next slot out of the queue, which is then nobody else's; null if there is none. */
export function take({ control, queue }: LaneMemory): { slot: number; position: number } | null {
  for (;;) {
    const head = Atomics.load(control, HEAD)
    if (((Atomics.load(control, TAIL) - head) | 0) <= 0) return null
    const slot = Atomics.load(queue, head & MASK)
    if (Atomics.compareExchange(control, HEAD, head, (head + 1) | 0) === head) return { slot, position: head }
  }
}

/** Lane: sleeps until the queue has something that it may not have seen yet. */
export function waitForWork({ control }: LaneMemory): void {
  const tail = Atomics.load(control, TAIL)
  if (((tail - Atomics.load(control, HEAD)) | 0) <= 0) Atomics.wait(control, TAIL, tail)
}

/** Lane: says which read it is at. */
export function enterRead({ control }: LaneMemory, lane: number, slot: number, position: number): void {
  control[cell(lane, SLOT)] = slot
  control[cell(lane, STEP)] = 0
  Atomics.store(control, cell(lane, AT), (position << 1) | 1)
}

export function enterStep({ control }: LaneMemory, lane: number, step: number): void {
  control[cell(lane, STEP)] = step
}

/** Lane: hands over the read whose result it has written. */
export function leaveRead({ control, done }: LaneMemory, lane: number, slot: number): void {
  Atomics.store(control, cell(lane, AT), 0)
  Atomics.store(done, Atomics.add(control, DONE, 1) & MASK, slot + 1)
}

/** Front: the slot that was read as the `index`th since the beginning; null if it is not there yet. */
export function collect({ done }: LaneMemory, index: number): number | null {
  const entry = Atomics.exchange(done, index & MASK, 0)
  return entry === 0 ? null : entry - 1
}

/** Front: where a lane stands. `at` is 0 while it is idle, and another number for each read. */
export function look({ control }: LaneMemory, lane: number): { at: number; slot: number; step: ReadStep } {
  const at = Atomics.load(control, cell(lane, AT))
  const step = readSteps[control[cell(lane, STEP)] ?? 0] ?? 'open'
  return { at, slot: control[cell(lane, SLOT)] ?? 0, step }
}

export function retire({ control }: LaneMemory, lane: number): void {
  Atomics.store(control, cell(lane, RETIRED), 1)
  Atomics.notify(control, TAIL)
}

export function isRetired({ control }: LaneMemory, lane: number): boolean {
  return Atomics.load(control, cell(lane, RETIRED)) === 1
}

/** Front: makes a lane's cells ready for a new thread. */
export function clearLane({ control }: LaneMemory, lane: number): void {
  for (let field = 0; field < LANE_CELLS; field += 1) Atomics.store(control, cell(lane, field), 0)
}
