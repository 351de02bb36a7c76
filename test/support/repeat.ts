import { onTestFinished } from 'vitest'

/**
 * Calls back every `everyMs` milliseconds until the test ends or the returned function is called. An exception in a timer
 * belongs to no test: it fails the whole run, though the test itself may pass on a second try. Here the exception stops the
 * timer and fails the test that has started it.
 */
export function repeat(everyMs: number, call: () => void): () => void {
  const errors: unknown[] = []
  const stop = () => clearInterval(timer)
  const timer = setInterval(() => {
    try {
      call()
    } catch (error) {
      errors.push(error)
      stop()
    }
  }, everyMs)
  onTestFinished(() => {
    stop()
    for (const error of errors) throw error
  })
  return stop
}
