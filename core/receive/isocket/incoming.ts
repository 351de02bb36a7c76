import type { Socket } from 'node:net'

/** Why nothing more can be read. */
export type Ended = 'closed' | 'silent' | 'long'

const NEWLINE = 10

/** Reads a socket piece by piece: nothing is read ahead but what the socket itself holds (64 KiB). */
export function readFrom(socket: Socket) {
  let pending: Buffer = Buffer.alloc(0)
  let over = false
  let wake: (() => void) | null = null
  const stir = () => wake?.()
  socket.on('readable', stir)
  for (const event of ['end', 'error', 'close'] as const)
    socket.on(event, () => {
      over = true
      stir()
    })

  /** More bytes, or why there are none. The time counts from here on: what comes slowly is not silent. */
  const more = (withinMs: number): Promise<Buffer | Ended> =>
    new Promise((resolve) => {
      const settle = (result: Buffer | Ended) => {
        clearTimeout(timer)
        wake = null
        resolve(result)
      }
      const look = () => {
        const bytes: Buffer | null = socket.destroyed ? null : socket.read()
        if (bytes !== null) settle(bytes)
        else if (over || socket.destroyed) settle('closed')
      }
      const timer = setTimeout(() => settle('silent'), withinMs)
      wake = look
      look()
    })

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
