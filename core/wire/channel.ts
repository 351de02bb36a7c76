import type { TLSSocket } from 'node:tls'
import { createFrameDecoder, encodeFrame, WireFault } from './codec.ts'
import type { Frame, FrameHeader, FrameType } from './frames.ts'
import { countUsed } from './young-buffers.ts'

/** Both ends say "alive" this often, whatever else they send. */
export const ALIVE_EVERY_MS = 5_000
/** A peer that nothing at all was heard of for so long is gone: half-open connections end here. */
export const SILENT_AFTER_MS = 20_000

/** Bytes that may wait in the socket before writers are asked to wait. */
const HIGH_WATER_BYTES = 1024 * 1024
/** A frame of more pieces is put together before it is written. */
const MOST_PIECES = 8

export interface ChannelHandlers {
  onFrame(frame: Frame): void
  /** Called once. `reason` is for the log: why it ended, or null when the peer closed in order. */
  onClose(reason: Error | null): void
  /**
   * What the peer said cannot be understood; nothing more of it is heard. Called while something may still be sent,
   * then the connection ends. Left out: it ends at once.
   */
  onFault?(fault: Error): void
  allowed(type: FrameType): boolean
  /** How long the own disk has left its oldest call unanswered, in milliseconds; told to the peer. */
  stalledMs?(): number
}

/** One connection that speaks frames. */
export type FrameChannel = ReturnType<typeof openChannel>

export class SilentPeer extends Error {
  override readonly name = 'SilentPeer'
  constructor() {
    super(`nothing heard for ${SILENT_AFTER_MS / 1000} s`)
  }
}

export function openChannel(socket: TLSSocket, handlers: ChannelHandlers) {
  const decoder = createFrameDecoder(handlers.allowed)
  let reason: Error | null = null
  let closed = false
  let heardAt = performance.now()
  let waiters: (() => void)[] = []

  const hasRoom = () => socket.writableLength < HIGH_WATER_BYTES
  const release = () => {
    if (waiters.length === 0 || (!closed && !hasRoom())) return
    waiters.shift()?.()
    // The one that was let go writes first; then the next one sees whether there is room still.
    setImmediate(release)
  }

  const destroy = (why: Error | null) => {
    reason ??= why
    socket.destroy()
  }

  const channel = {
    /** @param onUsed the payload's memory may be used again; not called where the connection was lost before. */
    send<T extends FrameType>(
      type: T,
      header: FrameHeader<T>,
      payload?: readonly Uint8Array[],
      onUsed?: () => void,
    ): void {
      if (closed || socket.writableEnded || socket.destroyed) return
      const pieces = encodeFrame(type, header, payload)
      // Hundreds of small writes cost more than one copy of what they hold.
      const few = pieces.length > MOST_PIECES ? [Buffer.concat(pieces)] : pieces
      const moved = (error?: Error | null) => {
        if (error == null) onUsed?.()
        release()
      }
      const last = few.length - 1
      socket.cork()
      for (const [index, piece] of few.entries()) socket.write(piece, index === last ? moved : undefined)
      socket.uncork()
    },
    /** Resolves when there is room; waiters go in the order in which they came, so none starves. */
    room(): Promise<void> {
      if (closed || (waiters.length === 0 && hasRoom())) return Promise.resolve()
      return new Promise((resolve) => waiters.push(resolve))
    },
    /** Ends at once; `reason` is what onClose gets. */
    destroy,
    /** Sends what is buffered, then ends; resolves then, at the latest after `withinMs`. */
    end(withinMs = 2_000): Promise<void> {
      if (closed) return Promise.resolve()
      socket.end()
      const timer = setTimeout(() => socket.destroy(), withinMs)
      return new Promise((resolve) => {
        socket.once('close', () => {
          clearTimeout(timer)
          resolve()
        })
      })
    },
    get closed(): boolean {
      return closed
    },
  }

  const fail = (fault: Error) => {
    if (handlers.onFault === undefined) return destroy(fault)
    reason = fault
    handlers.onFault(fault)
    channel.end()
  }

  socket.setNoDelay(true)
  socket.on('data', (bytes: Buffer) => {
    heardAt = performance.now()
    if (reason !== null) return
    try {
      decoder.push(bytes, handlers.onFrame)
    } catch (thrown) {
      fail(thrown instanceof Error ? thrown : new WireFault(String(thrown)))
    }
    countUsed(bytes.length)
  })
  socket.on('error', (error) => destroy(error))

  const alive = setInterval(() => {
    if (performance.now() - heardAt > SILENT_AFTER_MS) {
      destroy(new SilentPeer())
      return
    }
    channel.send('alive', { stalledMs: Math.round(handlers.stalledMs?.() ?? 0) })
  }, ALIVE_EVERY_MS)

  socket.once('close', () => {
    closed = true
    clearInterval(alive)
    for (const waiter of waiters) waiter()
    waiters = []
    handlers.onClose(reason)
  })
  return channel
}
