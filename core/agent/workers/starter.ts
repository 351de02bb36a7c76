import type { WorkerName } from '../state/schema.ts'

/** What can be started: the workers that always run, and the restorer, which does while somebody wants files back. */
export type StartedName = WorkerName | 'restorer'

/** A started worker process, however it was started. */
export interface WorkerHandle {
  pid(): number | null
  post(message: unknown): void
  onMessage(listener: (message: unknown) => void): void
  /** Called once, when the process has ended. */
  onExit(listener: (reason: string) => void): void
  /** Ends it at once. A process that is stuck in the kernel may live on; nobody waits for it. */
  kill(): void
}

/** Starts workers: Electron's utilityProcess in the desktop, node:child_process on the command line. */
export interface WorkerStarter<N extends string = StartedName> {
  start(name: N): WorkerHandle
}

/**
 * Threads of libuv's pool, which a process must be given at its start; all of them are begun at once. A path that hangs
 * in the kernel holds one for as long as it hangs: core/check/concurrency-limit.ts bounds them. The scanner and the
 * sender bound what one source may have out (core/walk/calls.ts, core/send/transfer/window.ts: about twenty calls) and
 * have threads for more than twenty sources that hang at once; a folder that is sent to is one more disk.
 */
const POOL_THREADS: Record<StartedName, number> = {
  checker: 576,
  scanner: 512,
  sender: 512,
  // Its store's disk, which may have twice as many calls as files that are written at a time.
  receiver: 128,
  // Names that are looked up in the DNS hold one each, for as long as that takes.
  notifier: 32,
  // Its calls block, or wait for a network.
  restorer: 16,
}

/**
 * Words for V8 at a worker's start. Left to itself V8 lets the young generation grow to 128 MiB before it collects,
 * and keeps it: with 1,000 paths that hang the checker grew for minutes while what it held stayed at 18 MiB. With the
 * first word it stays where it was after 40 s, 40 MiB lower, at about the same cost a check (`npm run bench -- check`).
 * The second has the old generation collected at 1.6 times what it holds instead of at up to 4 times: many small files
 * in transfer take a tenth less memory of each end, for some of the time of V8's helpers. The scanner, whose rows of a
 * listing soon are of no use, takes another 20 MiB less for a million files with half of the young generation, in the
 * same time, and finds a burst as soon.
 */
export function workerHeap(name: StartedName): readonly string[] {
  // For core/protocol/young-buffers.ts and core/lib/workers/collect-start.ts.
  const words = [`--max-semi-space-size=${name === 'scanner' ? 1 : 2}`, '--expose-gc']
  // The checker holds little, and each check would pay for it.
  return name === 'checker' ? words : [...words, '--heap-growing-percent=60']
}

export function workerEnvironment(name: StartedName, env: NodeJS.ProcessEnv): Record<string, string> {
  const given = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return {
    // Left to itself glibc soon keeps what is freed, up to 32 MiB at a time (mallopt(3), M_MMAP_THRESHOLD): the ends of
    // a transfer were ten MiB larger for it. Somebody who sets it knows better.
    MALLOC_MMAP_THRESHOLD_: String(128 * 1024),
    ...Object.fromEntries(given),
    UV_THREADPOOL_SIZE: String(POOL_THREADS[name]),
  }
}
