import type { Socket } from 'node:net'
import { inTime, LATE } from '../../pacing/in-time.ts'

/** Why nothing more can be read. */
export type Ended = 'closed' | 'silent' | 'long'

const NEWLINE = 10

/** Reads a socket piece by piece: nothing is read ahead but what the socket itself holds (64 KiB). */
export function readFrom(socket: Socket) {
  const pieces = socket.iterator({ destroyOnReturn: false })
  let pending: Buffer = Buffer.alloc(0)

  /** More bytes, or why there are none. The time counts from here on: what comes slowly is not silent. */
  const more = async (withinMs: number): Promise<Buffer | Ended> => {
    // It throws where the connection has failed, or was closed in the middle.
    const next = await inTime(withinMs, pieces.next()).catch(() => null)
    if (next === LATE) return 'silent'
    return next === null || next.done === true ? 'closed' : next.value
  }

  return {
    /** Up to the next newline, which is left out. `long`: there is none within `maxBytes`. */
    async line(maxBytes: number, withinMs: number) {
      const until = performance.now() + withinMs
      for (;;) {
        const end = pending.subarray(0, maxBytes + 1).indexOf(NEWLINE)
        if (end >= 0) {
          const line = pending.subarray(0, end)
          pending = pending.subarray(end + 1)
          return line
        }
        if (pending.length > maxBytes) return 'long'
        const bytes = await more(Math.max(0, until - performance.now()))
        if (typeof bytes === 'string') return bytes
        pending = Buffer.concat([pending, bytes])
      }
    },
    /** At least one byte, at most `maxBytes`. */
    async some(maxBytes: number, withinMs: number) {
      if (pending.length === 0) {
        const bytes = await more(withinMs)
        if (typeof bytes === 'string') return bytes
        pending = bytes
      }
      const piece = pending.subarray(0, maxBytes)
      pending = pending.subarray(piece.length)
      return piece
    },
  }
}
