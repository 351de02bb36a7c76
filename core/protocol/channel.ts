import type { TLSSocket } from 'node:tls'
import { createFrameDecoder, encodeFrame, ProtocolError } from './codec.ts'
import { Compressor, hasCompression } from './compression.ts'
import { countUsed } from './frame-buffers.ts'
import type { Frame, FrameHeader, FrameType } from './frames.ts'

/** Interval of the `alive` frames, which both ends send independent of other frames. */
export const ALIVE_EVERY_MS = 5_000
/** Time without any received byte after which the peer counts as gone: this closes half-open connections. */
export const SILENT_AFTER_MS = 20_000

/** Bytes that may be buffered in the socket before writers must wait. Later frames wait for all of them. */
const HIGH_WATER_BYTES = 256 * 1024
/** A frame with more pieces is copied into a single buffer before it is written. */
const MOST_PIECES = 8

export interface ChannelHandlers {
  onFrame(frame: Frame): void
  /** Called once. `reason` is for the log; null: the connection was closed in order. */
  onClose(reason: Error | null): void
  /**
   * The peer broke the protocol; later frames are ignored. A last frame may be sent from this callback, then the
   * connection is closed. Left out: it is closed at once.
   */
  onFault?(fault: Error): void
  allowed(type: FrameType): boolean
  /** Bytes have left the buffer: `hasRoom` may be true, and all calls of `room` that it allows were served. */
  onRoom?(): void
  /** Age of the oldest pending disk call on this side, in milliseconds; sent to the peer. */
  stalledMs?(): number
}

export class SilentPeer extends Error {
  override readonly name = 'SilentPeer'
  constructor() {
    super(`nothing heard for ${SILENT_AFTER_MS / 1000} s`)
  }
}

/** A connection that transfers frames. */
export class FrameChannel {
  readonly #socket: TLSSocket
  readonly #handlers: ChannelHandlers
  readonly #alive: NodeJS.Timeout
  #reason: Error | null = null
  #closed = false
  #isEnding = false
  #heardAt = performance.now()
  #waiters: (() => void)[] = []
  #compressor: Compressor | null = null
  #ignoresInput = false

  constructor(socket: TLSSocket, handlers: ChannelHandlers) {
    this.#socket = socket
    this.#handlers = handlers
    const decoder = createFrameDecoder(handlers.allowed)
    socket.setNoDelay(true)
    socket.on('data', (bytes: Buffer) => {
      this.#heardAt = performance.now()
      if (this.#reason !== null || this.#ignoresInput) return
      try {
        decoder.push(bytes, handlers.onFrame)
      } catch (error) {
        this.#fail(error instanceof Error ? error : new ProtocolError(String(error)))
      }
      countUsed(bytes.length)
    })
    socket.on('error', (error) => this.destroy(error))
    this.#alive = setInterval(() => this.#sendAlive(), ALIVE_EVERY_MS)
    socket.once('close', () => this.#onClose())
  }

  get closed(): boolean {
    return this.#closed
  }

  /** From now on payloads are compressed while this process is not busy: the peer takes such payloads. */
  startCompressing(): void {
    if (hasCompression) this.#compressor ??= new Compressor()
  }

  /** Received bytes are read and dropped from now on: decoding them would take time for a peer that was refused. */
  ignoreInput(): void {
    this.#ignoresInput = true
  }

  /** @param onUsed is called when the payload's memory may be reused; not called if the connection was lost before. */
  send<T extends FrameType>(
    type: T,
    header: FrameHeader<T>,
    payload?: readonly Uint8Array[],
    onUsed?: () => void,
  ): void {
    const socket = this.#socket
    if (this.#closed || socket.writableEnded || socket.destroyed) return
    const packed = payload === undefined ? null : (this.#compressor?.compress(payload) ?? null)
    const pieces =
      packed === null
        ? encodeFrame(type, header, payload)
        : encodeFrame(type, header, [packed], { compressed: true })
    // Hundreds of small writes cost more than a copy of their bytes.
    const few = pieces.length > MOST_PIECES ? [Buffer.concat(pieces)] : pieces
    const moved = (error?: Error | null) => {
      if (error == null) onUsed?.()
      this.#release()
    }
    const last = few.length - 1
    socket.cork()
    for (const [index, piece] of few.entries()) socket.write(piece, index === last ? moved : undefined)
    socket.uncork()
  }

  /** True if little is in the socket's buffer. */
  get hasRoom(): boolean {
    return this.#socket.writableLength < HIGH_WATER_BYTES
  }

  /** True once this end has closed the connection in order, or at once. */
  get isEnding(): boolean {
    return this.#isEnding
  }

  /** Bytes in the socket's buffer. */
  get bufferedBytes(): number {
    return this.#socket.writableLength
  }

  /** Resolves when there is room in the socket's buffer. Waiters are served in order, so that none starves. */
  room(): Promise<void> {
    if (this.#closed || (this.#waiters.length === 0 && this.hasRoom)) return Promise.resolve()
    return new Promise((resolve) => this.#waiters.push(resolve))
  }

  /** Closes the connection at once and passes `reason` to `onClose`. */
  destroy(reason: Error | null): void {
    this.#reason ??= reason
    this.#isEnding = true
    this.#socket.destroy()
  }

  /** Sends the buffered bytes, then closes; resolves after that, at the latest after `withinMs`. */
  end(withinMs = 2_000): Promise<void> {
    if (this.#closed) return Promise.resolve()
    this.#isEnding = true
    this.#socket.end()
    const timer = setTimeout(() => this.#socket.destroy(), withinMs)
    return new Promise((resolve) => {
      this.#socket.once('close', () => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  #release(): void {
    if (!this.hasRoom) return
    const waiter = this.#waiters.shift()
    if (waiter === undefined) {
      this.#handlers.onRoom?.()
      return
    }
    waiter()
    // The released waiter writes first; then the remaining room is checked for the next one.
    setImmediate(() => this.#release())
  }

  #fail(fault: Error) {
    if (this.#handlers.onFault === undefined) return this.destroy(fault)
    this.#reason = fault
    this.#handlers.onFault(fault)
    this.end()
  }

  #sendAlive(): void {
    if (performance.now() - this.#heardAt > SILENT_AFTER_MS) this.destroy(new SilentPeer())
    else this.send('alive', { stalledMs: Math.round(this.#handlers.stalledMs?.() ?? 0) })
  }

  #onClose(): void {
    this.#closed = true
    clearInterval(this.#alive)
    for (const waiter of this.#waiters) waiter()
    this.#waiters = []
    this.#handlers.onClose(this.#reason)
  }
}
