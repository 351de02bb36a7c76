import { createRequire } from 'node:module'

/**
 * Ends this process although a call on a disk that hangs is out: process.exit() waits for the pool's threads
 * (uv_library_shutdown joins them), _exit(2) for nothing that can be killed. What was printed is out: on POSIX systems
 * Node writes to files, pipes and terminals synchronously.
 */
export function exitNow(code: number): never {
  if (process.platform !== 'win32') {
    // Loaded here: most commands end by themselves.
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
    koffi.load(null).func('void _exit(int status)')(code)
  }
  process.exit(code)
}
