import { closeSync, WriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import { ANY_CALLS, reserveThreads } from '../../core/agent/workers/pool-threads.ts'
import { readFile } from '../../core/check/probes/read-file.ts'
import { createConcurrencyLimit } from '../../core/check/scheduler/timetable.ts'
import { createLogOutput, serveStdio } from '../../core/check/stdio/serve-stdio.ts'
import { withTimeout } from '../../core/lib/async/timing.ts'
import { tellGuard } from '../../core/lib/workers/process.ts'
import { exitNow } from '../terminal/exit-now.ts'
import { openOutput } from './open-output.ts'

/** How long a parent that reads slowly may delay the requested exit, in milliseconds. */
const END_WITHIN_MS = 200
/** How long a file may delay the end, in milliseconds: its disk may hang. A pipe may be read slowly. */
const FILE_WITHIN_MS = 10_000
const WRONG_USAGE = 2
/** As a shell reports the end by SIGHUP. */
const HUNG_UP = 129

interface PipeOptions {
  /** Seconds. */
  timeout?: number
  pipe: boolean
  quoted: boolean
}

/** Runs `holdfast check --pipe`. It starts fast, because it imports little. Nothing may use the thread pool before it. */
export async function runPipe({ timeout, pipe, quoted }: PipeOptions): Promise<void> {
  // As in a checker: each hanging call blocks one thread. Windows has the size from the environment of the start.
  if (process.platform !== 'win32')
    process.env.UV_THREADPOOL_SIZE = String(reserveThreads('checker', ANY_CALLS).threads)
  const output = openOutput(1)
  const errors = openOutput(2)
  const endSoon = (signal: NodeJS.Signals) => {
    process.stdin.pause()
    const flushed = [output, errors].map((one) => new Promise<void>((resolve) => one.end(resolve)))
    void withTimeout(END_WITHIN_MS, Promise.all(flushed)).then(() => end(signal === 'SIGHUP' ? HUNG_UP : 0))
  }
  // A terminal sends SIGINT to this process and to the shell that passes it on.
  process.on('SIGTERM', endSoon).on('SIGINT', endSoon).on('SIGHUP', endSoon)
  let pool: Promise<void> | null = null
  const log = createLogOutput(errors)
  let warned = Promise.resolve()
  await serveStdio({
    input: process.stdin,
    output,
    warn: (sentence) => {
      warned = warned.then(async () => {
        // Loaded for a warning only, as that takes longer than a check.
        const { englishWords } = await import('../../core/lib/i18n/words.ts')
        log('WARNING', englishWords(sentence))
      })
    },
    readFile: async (path) => {
      pool ??= startPool()
      await pool
      return readFile(path, { isBuffered: false })
    },
    limit: createConcurrencyLimit(),
    options: { timeoutMs: timeout === undefined ? null : timeout * 1000, quoted },
  })
  await withTimeout(FILE_WITHIN_MS, warned)
  // A script whose variable is empty must not take its check for a success.
  const isUnused = !pipe && process.stdin.bytesRead === 0
  if (isUnused) {
    const { translate } = await import('../terminal/terminal-words.ts')
    errors.write(`${translate('cli.check.noPath')}\n`)
  }
  // A parent that does not read the log must not delay the exit.
  const logged = new Promise<void>((resolve) => errors.end(resolve))
  const written = new Promise<void>((resolve) => output.end(resolve))
  const isFile = output instanceof WriteStream
  await Promise.all([
    isFile ? withTimeout(FILE_WITHIN_MS, written) : written,
    withTimeout(END_WITHIN_MS, logged),
  ])
  if (isUnused) process.exit(WRONG_USAGE)
  end(0)
}

/** Starts all threads of the pool, which takes longer than a check, once the first replies are written. */
async function startPool(): Promise<void> {
  await setImmediate()
  await stat('/')
}

/** Ends this process while reads may hang: a process that the kernel keeps must not hold its outputs open. */
function end(code: number): never {
  // First, as closing a file on a disk that hangs takes for ever.
  tellGuard()
  closeSync(1)
  closeSync(2)
  exitNow(code)
}
