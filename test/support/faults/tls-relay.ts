import type { TLSSocket } from 'node:tls'
import tls from 'node:tls'
import { onTestFinished } from 'vitest'
import { createFrameDecoder, encodeFrame } from '../../../core/protocol/codec.ts'
import type { Frame } from '../../../core/protocol/frames.ts'
import type { Identity } from '../../../core/protocol/identity.ts'
import { connectPinned, serverOptions } from '../../../core/protocol/tls.ts'

/** Somebody in the middle who has the keys: what both ends take for the other one. */
export interface TlsRelay {
  readonly port: number
  readonly fingerprint: string
}

/**
 * @param identity shown to the sender and to the receiver alike, so both have to have it pinned.
 * @param alter may change a frame in place, on its way from the sender to the receiver.
 */
export async function startTlsRelay(
  to: { port: number; fingerprint: string },
  identity: Identity,
  alter: (frame: Frame) => void,
): Promise<TlsRelay> {
  const open = new Set<TLSSocket>()
  const keep = (socket: TLSSocket, other: () => TLSSocket | null) => {
    open.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => {
      open.delete(socket)
      other()?.destroy()
    })
  }
  const server = tls.createServer(serverOptions(identity), (near) => {
    let far: TLSSocket | null = null
    near.pause()
    keep(near, () => far)
    connectPinned({ ...to, host: '127.0.0.1' }, identity, new AbortController().signal).then(
      (connected) => {
        far = connected
        keep(connected, () => near)
        const decoder = createFrameDecoder(() => true)
        near.on('data', (bytes: Buffer) =>
          decoder.push(bytes, (frame) => {
            alter(frame)
            for (const piece of encodeFrame(frame.type, frame.header as never, [frame.payload]))
              connected.write(piece)
          }),
        )
        connected.pipe(near)
        near.resume()
      },
      () => near.destroy(),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the relay has no port')
  return { port: address.port, fingerprint: identity.fingerprint }
}
