/**
 * Ends this process immediately. process.exit() would wait for the threads of libuv's pool (uv_library_shutdown joins
 * them), and a thread may be blocked in the kernel forever by a hanging disk.
 */
export function endNow(): void {
  process.kill(process.pid, 'SIGKILL')
}
