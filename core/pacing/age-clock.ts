import { uptime } from 'node:os'

/** Less is a clock that is being put right. */
const JUMP_MS = 3_600_000
/** No clock that is right says less: leaving such a time is a correction. */
const EARLIEST = Date.UTC(2026, 0)

/**
 * The time by which something is old, in milliseconds since 1970: what the clock was put ahead while this runs counts for
 * nothing. The time that the computer was asleep does count: the system's uptime has it (proc_uptime(5)).
 */
export function createAgeClock(wall = Date.now, up = () => uptime() * 1000): () => number {
  let last = { wall: wall(), up: up() }
  let ahead = 0
  return () => {
    const now = { wall: wall(), up: up() }
    const jump = now.wall - last.wall - (now.up - last.up)
    if (Math.abs(jump) > JUMP_MS && last.wall > EARLIEST) ahead = Math.max(0, ahead + jump)
    last = now
    return now.wall - ahead
  }
}
