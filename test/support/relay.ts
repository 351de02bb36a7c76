import net from 'node:net'
import { onTestFinished } from 'vitest'

/** A relay before a receiver that counts what senders put on the line, TLS and all. */
export interface Relay {
  readonly port: number
  /** Bytes from senders to the receiver since the relay began. */
  sentBytes(): number
}

/** @param port the receiver's, on this computer. */
export async function startRelay(port: number): Promise<Relay> {
  let sent = 0
  const open = new Set<net.Socket>()
  const server = net.createServer((near) => {
    const far = net.connect(port, '127.0.0.1')
    near.on('data', (bytes) => {
      sent += bytes.length
    })
    near.pipe(far)
    far.pipe(near)
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one)
      one.on('error', () => undefined)
      one.on('close', () => {
        open.delete(one)
        other.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the relay has no port')
  return { port: address.port, sentBytes: () => sent }
}
