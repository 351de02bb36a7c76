import { getPriority, setPriority } from 'node:os'
import { dropError } from '../../dropped-errors.ts'

/** A nice(2) value: nine times the processor share of a normal thread. */
const BEFORE_OTHERS = -10
const AS_OTHERS = 0

let isBefore = false
/** Number of long jobs that this thread is running. */
let jobs = 0

/**
 * Raises the priority of the calling thread, and of those that it starts later, if the system permits it (root,
 * CAP_SYS_NICE, RLIMIT_NICE) and the process has the default priority. The kernel's event queue is finite, and a file's
 * event needs little processor time. If the writer and V8's helper threads use every processor, this cuts the 99th
 * percentile of the time from a file's close to its report to a third. Linux only: on other systems a priority applies
 * to the whole process.
 */
export function raisePriority(): void {
  if (process.platform !== 'linux' || getPriority() !== AS_OTHERS) return
  isBefore = set(BEFORE_OTHERS)
}

/** Marks a long job of this thread that no other work waits for; returns the function that ends the mark. */
export function beginLongJob(): () => void {
  jobs += 1
  if (isBefore && jobs === 1) set(AS_OTHERS)
  return () => {
    jobs -= 1
    if (isBefore && jobs === 0) set(BEFORE_OTHERS)
  }
}

/** Sets the priority of the calling thread only: setpriority(2) with 0. */
function set(priority: number): boolean {
  try {
    setPriority(priority)
    return true
  } catch (error) {
    return dropError(error, 'the system does not allow another priority', false)
  }
}
