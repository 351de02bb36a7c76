import { resolve } from 'node:path'
import { mountAbove } from '../../mounts/mountinfo.ts'
import { createLanes, type LaneRead } from '../lanes/lanes.ts'
import { errorName } from '../probes/errno.ts'
import { createMountTable } from '../probes/mount-table.ts'
import type { Answer } from './protocol.ts'

/** A prober's reads of paths that have always answered quickly. */
export interface QuickReads {
  learn(id: number, path: string): void
  forget(id: number): void
  read(id: number): void
}

interface QuickReadEvents {
  well(id: number, delayMs: number): void
  /** Everything that is not simply well. */
  answer(answer: Answer): void
}

export function createQuickReads(laneThread: URL, { well, answer }: QuickReadEvents): QuickReads {
  const lanes = createLanes(laneThread)
  const mounts = createMountTable()
  /** Slots by id; null where the lanes have no more. */
  const slots = new Map<number, number | null>()

  const finished = (id: number, { errno, step, delayMs, isBuffered }: LaneRead) => {
    const roundedMs = Math.round(delayMs * 1000) / 1000
    if (errno === 0 && !isBuffered) return well(id, roundedMs)
    const failure = errno === 0 ? null : { step, errno, code: errorName(errno), cause: 'call' as const }
    answer({ id, did: 'read', delayMs: roundedMs, failure, isBuffered })
  }

  return {
    learn: (id, path) => {
      const fileSystem = mountAbove(mounts.last(), resolve(path))?.device ?? path
      const slot = lanes.add(path, false, {
        group: fileSystem,
        finished: (found) => finished(id, found),
        stalled: () => undefined,
        withdrawn: () => answer({ id, did: 'withdrawn' }),
      })
      slots.set(id, slot)
    },
    forget: (id) => {
      const slot = slots.get(id)
      if (slot !== undefined && slot !== null) lanes.remove(slot)
      slots.delete(id)
    },
    read: (id) => {
      const slot = slots.get(id)
      if (slot === undefined || slot === null) answer({ id, did: 'withdrawn' })
      else lanes.read(slot)
    },
  }
}
