import { futimesSync } from 'node:fs'
import { native } from './native.ts'

/**
 * Sets an open file's time of modification, in nanoseconds since 1970; without the C library to the millisecond. The
 * kernel answers from memory.
 * @throws what the system says.
 */
export function setTimes(fd: number, mtimeNs: bigint): void {
  if (native !== null) {
    native.setModified(fd, mtimeNs)
    return
  }
  const seconds = Number(mtimeNs / 1_000_000n) / 1000
  // Node.js takes a time before 1970 for now.
  if (seconds >= 0) futimesSync(fd, seconds, seconds)
}
