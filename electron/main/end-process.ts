import { warnUnlessCode } from '../../core/dropped-errors.ts'
/** Kills the process at once. */
export function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    warnUnlessCode(error, ['ESRCH'], 'a process cannot be ended')
  }
}
