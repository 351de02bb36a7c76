import { fork } from 'node:child_process'
import { once } from 'node:events'
import * as nodeModule from 'node:module'
import { constants } from 'node:os'
import path from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { ANY_CALLS, reserveThreads } from '../../core/agent/workers/pool-threads.ts'
import { workerHeap } from '../../core/agent/workers/starter.ts'
import { settled } from '../../core/dropped-errors.ts'
import { withTimeout } from '../../core/lib/async/timing.ts'
import { endNow } from '../../core/lib/workers/process.ts'
import { exitNow } from '../terminal/exit-now.ts'

/** Environment variable that marks the child. */
const MARK = 'HOLDFAST_CHILD'
/** How long the child may take to exit after a signal, and its log to be read, in milliseconds. */
const END_WITHIN_MS = 500

interface Ended {
  code: number
}

/** True in the child that `runInChild` started, which makes the calls that may hang. */
export const isChild: boolean = process.env[MARK] !== undefined && process.send !== undefined

/**
 * Runs the same command in a child process and relays its output. A call that is stuck in the kernel keeps its process
 * from exiting, even by SIGKILL: in a child it does not block this process.
 */
export async function runInChild(output: Writable, errors: Writable): Promise<never> {
  // Node appends a directory named after its version.
  const cache = nodeModule.getCompileCacheDir?.()
  const child = fork(process.argv[1] ?? '', process.argv.slice(2), {
    env: {
      ...process.env,
      ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: path.dirname(cache) }),
      // As in a checker: each hanging call blocks one thread.
      UV_THREADPOOL_SIZE: String(reserveThreads('checker', ANY_CALLS).threads),
      [MARK]: '1',
    },
    execArgv: [...process.execArgv, ...workerHeap('checker')],
    stdio: ['inherit', 'pipe', 'pipe', 'ipc'],
  })
  let code: number | null = null
  const ended = new Promise<void>((resolve) => {
    const end = (how: number) => {
      code ??= how
      resolve()
    }
    child.once('message', (said) => end((said as Ended).code))
    child.once('exit', (how, signal) => {
      const died = () => end(how ?? toExitCode(signal ?? 'SIGKILL'))
      // Its message may still wait; 'disconnect' follows the last one.
      if (child.connected) child.once('disconnect', died)
      else died()
    })
    child.once('error', () => end(1))
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      child.kill(signal)
      setTimeout(() => exitNow(code ?? toExitCode(signal)), END_WITHIN_MS)
    })
  const log = relay(child.stderr, errors)
  await Promise.all([ended, relay(child.stdout, output)])
  // A reader that does not drain the log must not delay the exit.
  await withTimeout(END_WITHIN_MS, log)
  child.kill('SIGKILL')
  return exitNow(code ?? 1)
}

/** Returns the exit code that a shell reports for a process ended by a signal. */
function toExitCode(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal]
}

async function relay(from: Readable | null, to: Writable): Promise<void> {
  if (from === null) return
  // The reader has closed the output: closing the child's pipe passes that on.
  to.on('error', () => from.destroy())
  from.pipe(to, { end: false })
  await settled(once(from, 'close'))
  if (!to.destroyed) await new Promise((resolve) => to.write('', resolve))
}

/** Called in the child: exits once its output is flushed, even while calls hang. */
export async function endChild(code: number, outputs: readonly Writable[]): Promise<void> {
  // Ends the streams explicitly: while a thread hangs, the exit of this process would not end them for the parent.
  await Promise.all(outputs.map((one) => new Promise<void>((resolve) => one.end(() => resolve()))))
  const ended: Ended = { code }
  process.send?.(ended, endNow)
}

// The parent has exited.
if (isChild) process.once('disconnect', endNow)
