import type { TLSSocket } from 'node:tls'
import type { Outlet } from '../../../wire/outlet.ts'
import { directOutlet } from '../../../wire/outlet.ts'
import { bytesAhead } from '../../limit/ahead.ts'
import type { Bucket } from '../../limit/bucket.ts'

type Moved = Parameters<Outlet['write']>[1]

/** Shorter waits are not worth a timer. */
const LEAST_WAIT_MS = 5

/**
 * Hands a channel's bytes to the socket as the bucket allows. Below the frames: so a frame of any size, of a
 * large file or of many small ones, goes evenly; without a limit, or as soon as there is none, it is not in the way.
 */
export function pacedOutlet(socket: TLSSocket, bucket: Bucket): Outlet {
  const direct = directOutlet(socket)
  let queue: { piece: Uint8Array; moved: Moved | null }[] = []
  let waiting = 0
  let timer: NodeJS.Timeout | null = null

  /** Hands over the first `granted` bytes of what waits. */
  const pass = (granted: number): void => {
    let left = granted
    const pieces: Uint8Array[] = []
    const over: Moved[] = []
    let whole = 0
    for (const one of queue) {
      if (one.piece.length > left) {
        if (left > 0) pieces.push(one.piece.subarray(0, left))
        one.piece = one.piece.subarray(left)
        break
      }
      left -= one.piece.length
      pieces.push(one.piece)
      if (one.moved !== null) over.push(one.moved)
      whole += 1
    }
    queue.splice(0, whole)
    waiting -= granted
    if (pieces.length > 0)
      direct.write(pieces, (error) => {
        for (const moved of over) moved(error)
      })
  }

  const stop = () => {
    if (timer !== null) clearTimeout(timer)
    timer = null
  }
  const run = (): void => {
    stop()
    if (waiting === 0 || socket.destroyed) return
    const now = performance.now()
    const granted = bucket.take(waiting, now)
    if (granted > 0) pass(granted)
    if (waiting > 0)
      timer = setTimeout(run, Math.max(LEAST_WAIT_MS, bucket.waitMs(waiting, performance.now())))
  }
  const unwatch = bucket.watch(run)
  socket.once('close', () => {
    stop()
    unwatch()
    const lost = queue
    queue = []
    waiting = 0
    for (const { moved } of lost) moved?.(new Error('closed'))
  })

  return {
    write(pieces, moved) {
      // A socket that is gone says so itself.
      if (socket.destroyed || (bucket.bytesPerSecond === null && waiting === 0)) {
        direct.write(pieces, moved)
        return
      }
      const last = pieces.length - 1
      for (const [index, piece] of pieces.entries()) {
        queue.push({ piece, moved: index === last ? moved : null })
        waiting += piece.length
      }
      if (timer === null) run()
    },
    get hasRoom() {
      return waiting < bytesAhead(bucket) && direct.hasRoom
    },
    end() {
      stop()
      if (waiting > 0) pass(waiting)
      direct.end()
    },
  }
}
