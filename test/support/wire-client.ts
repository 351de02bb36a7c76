import tls from 'node:tls'
import { onTestFinished } from 'vitest'
import { createFrameDecoder, encodeFrame } from '../../core/wire/codec.ts'
import type { Frame, FrameHeader, FrameType } from '../../core/wire/frames.ts'
import type { Identity } from '../../core/wire/identity.ts'

/** One who speaks the protocol to a receiver as the test likes. */
export function connectWire(port: number, { certificate, key }: Identity, onFrame: (frame: Frame) => void) {
  const socket = tls.connect({
    port,
    host: '127.0.0.1',
    cert: certificate,
    key,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.3',
  })
  const decoder = createFrameDecoder(() => true)
  socket.on('data', (bytes: Buffer) => decoder.push(bytes, onFrame))
  socket.on('error', () => undefined)
  onTestFinished(() => void socket.destroy())
  return {
    socket,
    closed: new Promise<void>((resolve) => socket.once('close', () => resolve())),
    send<T extends FrameType>(type: T, header: FrameHeader<T>, payload: readonly Uint8Array[] = []) {
      for (const piece of encodeFrame(type, header, payload)) socket.write(piece)
    },
  }
}
