import { fork } from 'node:child_process'
import { once } from 'node:events'
import * as nodeModule from 'node:module'
import { constants } from 'node:os'
import path from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { workerHeap } from '../core/agent/workers/starter.ts'
import { settled } from '../core/dropped-errors.ts'
import { withTimeout } from '../core/lib/async/with-timeout.ts'
import { endNow } from '../core/lib/workers/end-now.ts'
import { exitNow } from './exit-now.ts'

/** Set in the child's environment. */
const MARK = 'HOLDFAST_CHILD'
/** Threads of the child's libuv pool, as a checker has them: each call that hangs holds one. */
const THREADS = '576'
/** How long the child may take to end when a signal came, and its log to be read, in milliseconds. */
const END_WITHIN_MS = 500

interface Ended {
  code: number
}

/** Whether this process is the child that runInChild started: the one that makes the calls which may hang. */
export const isChild: boolean = process.env[MARK] !== undefined && process.send !== undefined

/**
 * Runs this very command once more in a child process and relays what it prints. A call that is stuck in the kernel
 * keeps its process from ending even by SIGKILL: the child's calls do not keep this one.
 */
export async function runInChild(output: Writable, errors: Writable): Promise<never> {
  // Node adds a directory of its version.
  const cache = nodeModule.getCompileCacheDir?.()
  const child = fork(process.argv[1] ?? '', process.argv.slice(2), {
    env: {
      ...process.env,
      ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: path.dirname(cache) }),
      UV_THREADPOOL_SIZE: THREADS,
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
    child.once('exit', (how, signal) => end(how ?? codeOf(signal ?? 'SIGKILL')))
    child.once('error', () => end(1))
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => {
      child.kill(signal)
      setTimeout(() => exitNow(code ?? codeOf(signal)), END_WITHIN_MS)
    })
  const log = relay(child.stderr, errors)
  await Promise.all([ended, relay(child.stdout, output)])
  // Somebody who does not read it is not waited for.
  await withTimeout(END_WITHIN_MS, log)
  child.kill('SIGKILL')
  return exitNow(code ?? 1)
}

/** As a shell says that a signal has ended a process. */
function codeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal]
}

async function relay(from: Readable | null, to: Writable): Promise<void> {
  if (from === null) return
  // Nobody reads any more: the child is told so by its own pipe.
  to.on('error', () => from.destroy())
  from.pipe(to, { end: false })
  await settled(once(from, 'close'))
  if (!to.destroyed) await new Promise((resolve) => to.write('', resolve))
}

/** In the child: ends it once all of what it has printed is on its way, whatever of its calls still hang. */
export async function endChild(code: number, outputs: readonly Writable[]): Promise<void> {
  // Their end is told to the other process, which would wait for it as long as a thread of this one hangs.
  await Promise.all(outputs.map((one) => new Promise<void>((resolve) => one.end(() => resolve()))))
  const ended: Ended = { code }
  process.send?.(ended, endNow)
}

// Whoever started the child is gone.
if (isChild) process.once('disconnect', endNow)
