import type { TLSSocket } from 'node:tls'
import type { Outlet } from '../../../wire/channel.ts'
import { directOutlet } from '../../../wire/channel.ts'
import type { Bucket } from '../../limit/bucket.ts'
import { bytesAhead } from '../../limit/bucket.ts'

const ignore = () => undefined

/**
 * Hands a channel's bytes to the socket as the bucket allows. Below the frames: so a frame of any size, of a
 * large file or of many small ones, goes evenly; without a limit, or as soon as there is none, it is not in the way.
 */
export function pacedOutlet(socket: TLSSocket, bucket: Bucket): Outlet {
  const direct = directOutlet(socket)
  const pace = bucket.open()
  let waiting = 0
  // What is left then is handed to a socket that is gone, which says so itself.
  socket.once('close', pace.close)

  return {
    write(pieces, moved) {
      if (bucket.bytesPerSecond === null && waiting === 0) return direct.write(pieces, moved)
      const last = pieces.at(-1)
      for (const piece of pieces) {
        let at = 0
        waiting += piece.length
        pace.ask(piece.length, (bytes) => {
          waiting -= bytes
          const part = piece.subarray(at, at + bytes)
          at += bytes
          direct.write([part], piece === last && at === piece.length ? moved : ignore)
        })
      }
    },
    get hasRoom() {
      return waiting < bytesAhead(bucket) && direct.hasRoom
    },
    end() {
      pace.close()
      direct.end()
    },
  }
}
