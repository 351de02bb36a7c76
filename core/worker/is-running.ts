import { errorCode } from '../files/system-error.ts'

/** Whether a process of this number runs here; one of another user's counts, though it may not be signalled. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (thrown) {
    return errorCode(thrown) !== 'ESRCH'
  }
}
