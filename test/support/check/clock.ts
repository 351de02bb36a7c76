import { onTestFinished, vi } from 'vitest'

export const WALL_AT_START = 1_700_000_000_000

/** Lets promises and stream events that are ready run. */
export async function flushPromises(): Promise<void> {
  for (let round = 0; round < 3; round += 1) await new Promise((resolve) => setImmediate(resolve))
}

/** Timers and clocks that the test moves, from 0 on, until it is over. */
export function createFakeClock() {
  vi.useFakeTimers({
    now: WALL_AT_START,
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
  })
  onTestFinished(() => void vi.useRealTimers())
  const start = performance.now()
  const now = () => performance.now() - start
  return {
    now,
    /** Moves the time, running what falls due on the way in its order; promises settle between two timers. */
    async advanceTo(ms: number) {
      await flushPromises()
      await vi.advanceTimersByTimeAsync(Math.max(0, ms - now()))
      await flushPromises()
    },
    /** Timers that are set. */
    pending: () => vi.getTimerCount(),
  }
}
