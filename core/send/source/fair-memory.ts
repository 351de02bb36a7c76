import type { Semaphore } from '../../pacing/semaphore.ts'
import type { Source } from '../../settings/schema.ts'
import type { Shared } from './contract.ts'

export type Priority = Source['priority']

/** How the line is shared between sources that all have something to send. None is ever left without. */
const WEIGHTS: Record<Priority, number> = { high: 4, normal: 2, low: 1 }

/** The memory on the way to the destination, shared between sources by weight. */
export interface FairMemory {
  of(priority: Priority): Shared['memory']
}

interface Share {
  weight: number
  held: number
  waiting: { amount: number; go: () => void }[]
}

/**
 * The line takes what is in memory in the order in which it came, so a source's part of the memory is its part of the
 * line. While sources of different weight want memory, each may hold its weighted part, or one file if that is more;
 * sources of one weight share as they come, and what one does not want the others have.
 * @param total bytes of `memory`.
 */
export function createFairMemory(memory: Semaphore, total: number): FairMemory {
  const active = new Set<Share>()

  const mayHold = (share: Share, amount: number): boolean => {
    if (share.held === 0) return true
    let sum = 0
    let isUneven = false
    for (const { weight } of active) {
      sum += weight
      isUneven ||= weight !== share.weight
    }
    return !isUneven || share.held + amount <= (total * share.weight) / sum
  }

  /** In its own order, so that a large file is not passed by for ever. */
  const serve = (share: Share) => {
    for (let first = share.waiting[0]; first !== undefined; first = share.waiting[0]) {
      if (!mayHold(share, first.amount)) return
      share.waiting.shift()
      share.held += first.amount
      first.go()
    }
  }

  return {
    of(priority) {
      const share: Share = { weight: WEIGHTS[priority], held: 0, waiting: [] }
      return {
        async acquire(amount = 1) {
          active.add(share)
          await new Promise<void>((go) => {
            share.waiting.push({ amount, go })
            serve(share)
          })
          return memory.acquire(amount)
        },
        release(amount = 1) {
          share.held -= amount
          serve(share)
          // Who wants nothing leaves its part to the others.
          if (share.held === 0 && share.waiting.length === 0) active.delete(share)
          memory.release(amount)
        },
      }
    },
  }
}
