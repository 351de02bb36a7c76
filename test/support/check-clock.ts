import type { Clock } from '../../core/check/clock.ts'

export interface FakeClock extends Clock {
  /** Moves the time, running what falls due on the way in its order; promises settle between two timers. */
  advanceTo(ms: number): Promise<void>
  /** Timers that are set. */
  pending(): number
}

export const WALL_AT_START = 1_700_000_000_000

/** Lets promises and stream events that are ready run. */
export async function settled(): Promise<void> {
  for (let round = 0; round < 3; round += 1) await new Promise((resolve) => setImmediate(resolve))
}

export function createFakeClock(): FakeClock {
  let now = 0
  const timers = new Set<{ atMs: number; run: () => void }>()
  const next = (limit: number) =>
    [...timers].filter(({ atMs }) => atMs <= limit).sort((a, b) => a.atMs - b.atMs)[0]
  return {
    now: () => now,
    wall: () => WALL_AT_START + now,
    at: (atMs, run) => {
      const timer = { atMs, run }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    advanceTo: async (ms) => {
      await settled()
      for (let timer = next(ms); timer !== undefined; timer = next(ms)) {
        timers.delete(timer)
        now = Math.max(now, timer.atMs)
        timer.run()
        await settled()
      }
      now = ms
      await settled()
    },
    pending: () => timers.size,
  }
}
