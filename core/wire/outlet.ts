import type { TLSSocket } from 'node:tls'

/** Bytes that may wait in the socket before writers are asked to wait. */
const HIGH_WATER_BYTES = 1024 * 1024

/** Where a channel's frames go: the socket, at once or in doses. */
export interface Outlet {
  /**
   * Takes the pieces of one frame; `moved` is called once: when the system has all of them, or with an error when it
   * never will, as the connection is gone.
   */
  write(pieces: readonly Uint8Array[], moved: (error?: Error | null) => void): void
  /** Whether another frame may come: what waits is bounded by whoever asks this first. */
  readonly hasRoom: boolean
  /** Hands over all that waits, then ends the socket's own side. */
  end(): void
}

export function directOutlet(socket: TLSSocket): Outlet {
  return {
    write(pieces, moved) {
      socket.cork()
      const last = pieces.length - 1
      for (const [index, piece] of pieces.entries()) socket.write(piece, index === last ? moved : undefined)
      socket.uncork()
    },
    get hasRoom() {
      return socket.writableLength < HIGH_WATER_BYTES
    },
    end: () => void socket.end(),
  }
}
