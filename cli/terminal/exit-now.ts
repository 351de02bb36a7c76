import { createRequire } from 'node:module'

/**
 * Ends this process even while a call on a hanging disk is pending. process.exit() waits for the threads of the pool
 * (uv_library_shutdown joins them), _exit(2) only for calls that cannot be killed. Output is not lost: on POSIX systems
 * Node writes to files, pipes and terminals synchronously.
 */
export function exitNow(code: number): never {
  if (process.platform !== 'win32') {
    // Loaded on demand: most commands exit without it.
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
    koffi.load(null).func('void _exit(int status)')(code)
  }
  process.exit(code)
}
