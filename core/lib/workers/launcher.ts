const LOOK_EVERY_MS = 500

/**
 * Ends this process as SIGTERM does when the script that started it (build/holdfast.mjs, build/start.mjs) has exited: a
 * killed launcher cannot forward signals, and a remaining process would keep the store's lock. Call it once, at the
 * start.
 */
export function endWithLauncher(): void {
  const launcher = Number(process.env.HOLDFAST_LAUNCHER)
  // Must not be inherited by processes that this one starts.
  delete process.env.HOLDFAST_LAUNCHER
  if (!(launcher > 0) || process.platform === 'win32') return
  const timer = setInterval(() => {
    if (process.ppid === launcher) return
    clearInterval(timer)
    process.kill(process.pid, 'SIGTERM')
  }, LOOK_EVERY_MS)
  timer.unref()
}
