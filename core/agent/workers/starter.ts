import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { readThreadLimit } from '../../platform/process-limits.ts'
import type { StartedName } from '../state/schema.ts'
import { describeThreads, reserveThreads } from './pool-threads.ts'

/** A started worker process, independent of the starter. */
export interface WorkerHandle {
  pid(): number | null
  post(message: unknown): void
  onMessage(listener: (message: unknown) => void): void
  /** Calls the listener once, when the process has ended. */
  onExit(listener: (reason: string) => void): void
  /** Kills the process. A process stuck in the kernel may remain; callers do not wait for it. */
  kill(): void
}

/** Starts workers: Electron's utilityProcess in the desktop, node:child_process on the command line. */
export interface WorkerStarter<N extends string = StartedName> {
  /** @param calls so many may hang at a time, each of which occupies a thread of the process' pool. */
  start(name: N, calls: number): WorkerHandle
}

/** Starts workers as plain child processes of Node. */
export function nodeWorkerStarter(findModule: (name: StartedName) => URL): WorkerStarter {
  return {
    start: (name, calls): WorkerHandle => {
      const { threads, release } = reserveThreads(name, calls)
      const child = fork(fileURLToPath(findModule(name)), {
        env: workerEnvironment(threads, process.env),
        execArgv: [...process.execArgv, ...workerHeap(name)],
        // A worker's output is only a fallback for its log messages, so it goes to stderr; stdout belongs to the
        // command.
        stdio: ['ignore', 2, 2, 'ipc'],
      })
      child.once('exit', release).once('error', release)
      return {
        pid: () => child.pid ?? null,
        // With a callback, a message to a process that has just ended emits no 'error' event.
        post: (message) => void (child.connected && child.send(message as object, () => undefined)),
        onMessage: (listener) => child.on('message', listener),
        onExit: (listener) => {
          child.once('exit', (code, signal) => listener(withThreads(signal ?? `exit code ${code}`)))
          child.once('error', (error) => listener(withThreads(error.message)))
        },
        kill: () => void child.kill('SIGKILL'),
      }
    },
  }
}

/** Returns the reason of an end with the use of threads, of which libuv and fork(2) may have got none. */
function withThreads(reason: string): string {
  const limit = readThreadLimit()
  if (limit === null || !/SIGABRT|EAGAIN/.test(reason)) return reason
  return `${reason}; ${describeThreads(limit)}`
}

/**
 * Returns the V8 options of a worker. By default V8 lets the young generation grow to 128 MiB before it collects, and
 * keeps it: with 1,000 hung paths the checker grew for minutes while its live data stayed at 18 MiB. With the first
 * option it stays at the size of 40 s after the start, 40 MiB lower. The cost per check is about the same
 * (`npm run bench -- check`). The last option starts a collection of the old generation at 1.6 times the live data
 * instead of at up to 4 times: with many small files in transfer, each end takes a tenth less memory, for some time of
 * V8's helper threads. The scanner's rows of a listing become garbage quickly. With half of the young generation it
 * takes another 20 MiB less for a million files, in the same time, and detects a burst of changes as fast.
 */
export function workerHeap(name: StartedName): readonly string[] {
  // The second option is for core/protocol/frame-buffers.ts and core/lib/workers/process.ts.
  const options = [`--max-semi-space-size=${name === 'scanner' ? 1 : 2}`, '--expose-gc']
  // The checker has little live data, and the last option would make every check slower.
  return name === 'checker' ? options : [...options, '--heap-growing-percent=60']
}

/** @param threads of libuv's pool: a process gets their number at its start. */
export function workerEnvironment(threads: number, env: NodeJS.ProcessEnv): Record<string, string> {
  const given = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return {
    // By default glibc soon keeps freed blocks of up to 32 MiB (mallopt(3), M_MMAP_THRESHOLD), which made the ends of
    // a transfer ten MiB larger. A value from the environment takes precedence.
    MALLOC_MMAP_THRESHOLD_: String(128 * 1024),
    // By default each thread may have an arena of its own, which keeps what its calls have freed.
    MALLOC_ARENA_MAX: '2',
    ...Object.fromEntries(given),
    UV_THREADPOOL_SIZE: String(threads),
  }
}
