import tls from 'node:tls'
import { onTestFinished } from 'vitest'
import { createFrameDecoder, encodeFrame } from '../../../core/protocol/codec.ts'
import type { Frame, FrameHeader, FrameType } from '../../../core/protocol/frames.ts'
import type { Identity } from '../../../core/protocol/identity.ts'
import { PROTOCOL } from '../../../core/protocol/limits.ts'
import type { EncodedMetadata } from '../../../core/protocol/metadata-codec.ts'

/** The first frame of one who never sent here before. */
export const buildHello = (changes: Partial<FrameHeader<'hello'>> = {}): FrameHeader<'hello'> => ({
  ...{ protocol: PROTOCOL, name: 'sender', purpose: 'send', session: null },
  ...changes,
})

/** A file that was modified so many seconds after 1970. */
export const wireFacts = (seconds = 0, mode = 0o644): EncodedMetadata => [seconds, 0, mode, 0, 0, null]

/** The number by which the source "data" is called in tests, and the frame that says so. */
export const DATA = 0
export const dataSource: FrameHeader<'source'> = { source: DATA, id: 'da7a', name: 'data' }

/** How a sender is. */
export const statusHeader = (changes: Partial<FrameHeader<'status'>> = {}): FrameHeader<'status'> => ({
  ...{ level: 'failing', kind: 'missing', sentence: '/data is not there.' },
  ...{ oldestWaitingAt: 1_700_000_000_123, waitingFiles: 3, version: '0.1.0' },
  ...changes,
})

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
