import { onTestFinished, vi } from 'vitest'

/**
 * Lets the clocks and intervals of the test's process run `times` as fast until the test ends, so that a pause of the
 * product passes sooner. Its timeouts keep their length: a busy machine must not exceed them.
 */
export function hastenClock(times = 20): void {
  const hasten = (now: () => number) => {
    const from = now()
    return () => Math.floor(from + (now() - from) * times)
  }
  const date = hasten(Date.now)
  const steady = hasten(performance.now.bind(performance))
  const { setInterval } = globalThis
  const spies = [
    vi.spyOn(Date, 'now').mockImplementation(date),
    vi.spyOn(performance, 'now').mockImplementation(steady),
    vi
      .spyOn(globalThis, 'setInterval')
      .mockImplementation(((run: () => void, everyMs = 0) =>
        setInterval(run, everyMs / times)) as typeof setInterval),
  ]
  onTestFinished(() => {
    for (const spy of spies) spy.mockRestore()
  })
}
