import type { Semaphore } from '../../pacing/semaphore.ts'
import type { Source } from '../../settings/schema.ts'

export type Priority = Source['priority']

/** How the line is shared between sources that all have something to send. None is ever left without. */
const WEIGHTS: Record<Priority, number> = { high: 4, normal: 2, low: 1 }

/** What a lane needs of the memory that all share. */
export type LaneMemory = Pick<Semaphore, 'acquire' | 'release'>

/** The memory on the way to the wire, shared between lanes by weight. */
export interface Shares {
  of(priority: Priority): LaneMemory
}

interface Lane {
  weight: number
  held: number
  waiting: { amount: number; go: () => void }[]
}

/**
 * The wire takes what is in memory in the order in which it came, so a lane's part of the memory is its part of
 * the line. While lanes of different weight want memory, each may hold its weighted part, or one file if that is
 * more; lanes of one weight share as they come, and what a lane does not want the others have.
 * @param total bytes of `memory`.
 */
export function createShares(memory: Semaphore, total: number): Shares {
  const lanes = new Set<Lane>()

  const mayHold = (lane: Lane, amount: number): boolean => {
    if (lane.held === 0) return true
    let sum = 0
    let isUneven = false
    for (const { weight } of lanes) {
      sum += weight
      isUneven ||= weight !== lane.weight
    }
    return !isUneven || lane.held + amount <= (total * lane.weight) / sum
  }

  /** In its own order, so that a large file is not passed by for ever. */
  const serve = (lane: Lane) => {
    for (let first = lane.waiting[0]; first !== undefined; first = lane.waiting[0]) {
      if (!mayHold(lane, first.amount)) return
      lane.waiting.shift()
      lane.held += first.amount
      first.go()
    }
  }

  return {
    of(priority) {
      const lane: Lane = { weight: WEIGHTS[priority], held: 0, waiting: [] }
      return {
        async acquire(amount = 1) {
          lanes.add(lane)
          await new Promise<void>((go) => {
            lane.waiting.push({ amount, go })
            serve(lane)
          })
          return memory.acquire(amount)
        },
        release(amount = 1) {
          lane.held -= amount
          serve(lane)
          // Who wants nothing leaves its part to the others.
          if (lane.held === 0 && lane.waiting.length === 0) lanes.delete(lane)
          memory.release(amount)
        },
      }
    },
  }
}
