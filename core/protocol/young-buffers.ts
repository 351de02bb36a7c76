import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Node's TLS allocates memory for every record that it decrypts, 16 KiB outside of V8's heap, and V8 collects it only
 * when there are some 50 MiB of it, which have left the processor's cache by then. Collected in time the same memory is
 * used again: a receiver of large files is 45 MiB smaller, and a tenth faster. ssh2 allocates three times what it sends:
 * a large file costs it half of the CPU time.
 */
const COLLECT_EVERY_BYTES = 4 * 1024 * 1024

type Collect = (options: { type: 'minor'; execution: 'sync' }) => unknown

/** V8's own collector; null where the engine does not give it away, undefined before it was asked for. */
let collect: Collect | null | undefined
let used = 0

/** So many bytes of such buffers were used, and nobody holds them any more. */
export function countUsed(bytes: number): void {
  used += bytes
  if (used < COLLECT_EVERY_BYTES) return
  used = 0
  if (collect === undefined) collect = findCollector()
  collect?.({ type: 'minor', execution: 'sync' })
}

/** V8's --expose-gc, if the process was not started with it. */
function findCollector(): Collect | null {
  if (typeof globalThis.gc === 'function') return globalThis.gc as Collect
  // Chromium may have closed V8's flags by now, and ends a process that sets one then.
  if (process.versions.electron !== undefined) return null
  setFlagsFromString('--expose-gc')
  const found: unknown = runInNewContext('typeof gc === "function" ? gc : null')
  return typeof found === 'function' ? (found as Collect) : null
}
