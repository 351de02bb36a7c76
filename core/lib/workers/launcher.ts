const LOOK_EVERY_MS = 500

/**
 * Ends this process as SIGTERM does once the script that has started it (build/holdfast.mjs, build/start.mjs) is gone:
 * killed, that one can pass nothing on, and what it leaves behind would hold the store's lock. Call it once, at the start.
 */
export function endWithLauncher(): void {
  const launcher = Number(process.env.HOLDFAST_LAUNCHER)
  // What this process starts has a launcher of its own.
  delete process.env.HOLDFAST_LAUNCHER
  if (!(launcher > 0) || process.platform === 'win32') return
  const timer = setInterval(() => {
    if (process.ppid === launcher) return
    clearInterval(timer)
    process.kill(process.pid, 'SIGTERM')
  }, LOOK_EVERY_MS)
  timer.unref()
}
