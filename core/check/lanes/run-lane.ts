import fs, { constants } from 'node:fs'
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { alignedMemory, O_DIRECT, READ_BYTES } from '../probes/calls.ts'
import { systemErrorOf } from '../probes/errno.ts'
import {
  enterRead,
  enterStep,
  isRetired,
  type LaneMemory,
  laneMemory,
  leaveRead,
  readSteps,
  take,
  waitForWork,
} from './lane-memory.ts'

/** The path that a slot stands for from now on. */
export interface SlotPath {
  slot: number
  generation: number
  /** One character a byte (latin1), as the system has it. */
  path: string
  isBuffered: boolean
}

export interface LaneData {
  buffer: SharedArrayBuffer
  lane: number
  paths: SlotPath[]
}

type Known = Omit<SlotPath, 'slot' | 'path'> & { path: Buffer }

const EINVAL = 22

/**
 * A lane: a thread that reads one path after another with synchronous calls, each a third of the cost of an
 * asynchronous one. It never waits for the front and sends it nothing; where it stands can be seen in the shared
 * memory, so that a read which hangs holds up this thread and nothing else. Returns when it is retired.
 */
export function runLane(port: MessagePort, { buffer, lane, paths }: LaneData): void {
  const memory = laneMemory(buffer)
  const known = new Map<number, Known>()
  const learn = (told: SlotPath[]) => {
    for (const { slot, path, ...rest } of told)
      known.set(slot, { ...rest, path: Buffer.from(path, 'latin1') })
  }
  const pathOf = (slot: number): Known | undefined => {
    const isKnown = () => known.get(slot)?.generation === memory.generation[slot]
    // What a slot stands for was sent before the slot was put into the queue.
    while (!isKnown()) {
      const told = receiveMessageOnPort(port)
      if (told === undefined) return undefined
      learn(told.message)
    }
    return known.get(slot)
  }
  learn(paths)
  port.postMessage('ready')
  while (!isRetired(memory, lane)) {
    waitForWork(memory)
    for (let work = take(memory); work !== null; work = take(memory)) {
      const { slot, position } = work
      enterRead(memory, lane, slot, position)
      const path = pathOf(slot)
      if (path === undefined) memory.errno[slot] = EINVAL
      else readSlot(memory, lane, slot, path)
      leaveRead(memory, lane, slot)
    }
  }
  port.close()
}

/** Writes down what one read of a path finds: as readFile, where the file system may refuse O_DIRECT. */
function readSlot(memory: LaneMemory, lane: number, slot: number, known: Known): void {
  const { path } = known
  if (!known.isBuffered && O_DIRECT !== 0) {
    memory.isBuffered[slot] = 0
    readOnce(memory, lane, slot, path, O_DIRECT)
    if (memory.errno[slot] !== EINVAL) return
  }
  memory.isBuffered[slot] = 1
  readOnce(memory, lane, slot, path, 0)
  known.isBuffered = memory.errno[slot] === 0
}

function readOnce(memory: LaneMemory, lane: number, slot: number, path: Buffer, flags: number): void {
  const started = performance.now()
  let step = 0
  let file: number | null = null
  try {
    file = fs.openSync(path, constants.O_RDONLY | flags)
    step = 1
    enterStep(memory, lane, step)
    fs.readSync(file, alignedMemory, 0, READ_BYTES, null)
    step = 2
    enterStep(memory, lane, step)
    const closing = file
    file = null
    fs.closeSync(closing)
    memory.errno[slot] = 0
  } catch (thrown) {
    memory.errno[slot] = systemErrorOf(thrown).errno
    if (file !== null) closeQuietly(file)
  }
  memory.step[slot] = Math.min(step, readSteps.length - 1)
  memory.delayMs[slot] = performance.now() - started
}

function closeQuietly(file: number): void {
  try {
    fs.closeSync(file)
  } catch {
    // The read has failed already; that is what is told.
  }
}
