import { getPriority, setPriority } from 'node:os'
import { dropError } from '../../dropped-errors.ts'

/** Of nice(2): nine times the share of an ordinary thread. */
const BEFORE_OTHERS = -10
const AS_OTHERS = 0

let isBefore = false
/** Long jobs that this thread is in the middle of. */
let jobs = 0

/**
 * Has the calling thread, and those that it starts from now on, run before others, where the system lets it (root,
 * CAP_SYS_NICE, RLIMIT_NICE) and nobody has given the process another priority. The kernel's queue of events is
 * finite, and what a file's event needs is little: where its writer and V8's helpers have every processor, the 99th
 * percentile from a file's close to its report is a third of what it is otherwise. Of Linux alone: elsewhere a
 * priority is that of the whole process.
 */
export function goBeforeOthers(): void {
  if (process.platform !== 'linux' || getPriority() !== AS_OTHERS) return
  isBefore = set(BEFORE_OTHERS)
}

/** The thread has a long job, which nobody else waits for; returns how to say that it is over. */
export function duringLongJob(): () => void {
  jobs += 1
  if (isBefore && jobs === 1) set(AS_OTHERS)
  return () => {
    jobs -= 1
    if (isBefore && jobs === 0) set(BEFORE_OTHERS)
  }
}

/** setpriority(2) with 0 is about the calling thread alone. */
function set(priority: number): boolean {
  try {
    setPriority(priority)
    return true
  } catch (error) {
    return dropError(error, 'the system does not allow another priority', false)
  }
}
