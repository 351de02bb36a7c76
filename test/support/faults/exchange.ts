import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import koffi from 'koffi'
import { onTestFinished } from 'vitest'

/** renameat2(2) */
const AT_FDCWD = -100
const RENAME_EXCHANGE = 2

/**
 * A process that exchanges two names again and again, as fast as it can, until it is stopped: an even number of
 * times, so that each has in the end what it had.
 * @param pace `evenly`: each stands there for half of the time; else the first one for longer.
 */
export async function startExchanging(one: string, other: string, pace: 'evenly' | 'mostly' = 'mostly') {
  const child = fork(fileURLToPath(import.meta.url), [one, other, pace], { execArgv: [] })
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await gone
  })
  let times = 0
  await new Promise<void>((resolve) =>
    child.on('message', (said: number) => {
      times = said
      resolve()
    }),
  )
  return {
    /** How often they were exchanged so far. */
    times: () => times,
    /** How often they were exchanged. */
    async stop(): Promise<number> {
      child.send('stop')
      await gone
      return times
    },
  }
}

function exchangeUntilStopped(one: string, other: string, pace: string): void {
  const renameat2 = koffi
    .load(null)
    .func('int renameat2(int olddir, const char *old, int newdir, const char *new, unsigned int flags)')
  const exchange = () => {
    if (renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE) !== 0) throw new Error('not exchanged')
  }
  // It sleeps: a process that spins takes the processor from those that are under test.
  const sleeper = new Int32Array(new SharedArrayBuffer(4))
  const pause = () => void Atomics.wait(sleeper, 0, 0, Math.random() / 16)
  let stopped = false
  let times = 0
  process.once('message', () => {
    stopped = true
  })
  const some = () => {
    for (let count = 0; count < 200; count += 1) {
      if (pace === 'evenly') pause()
      exchange()
      // The link stands there for a shorter time than the directory: else nothing would ever get that far.
      exchange()
      pause()
    }
    times += 400
    process.send?.(times)
    if (stopped) process.disconnect()
    else setImmediate(some)
  }
  some()
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , one = '', other = '', pace = ''] = process.argv
  exchangeUntilStopped(one, other, pace)
}
