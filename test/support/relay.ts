import net from 'node:net'
import { onTestFinished } from 'vitest'

/** A relay before a receiver that counts what senders put on the line, TLS and all. */
export interface Relay {
  readonly port: number
  /** Bytes from senders to the receiver since the relay began. */
  sentBytes(): number
  /** Cuts the connection on which the last of so many more bytes comes from a sender; only once. */
  cutAfter(bytes: number): void
  /** Reads nothing more from that connection, not even its end; only once. */
  holdAfter(bytes: number): void
  /** Goes on with the connection that is held. */
  letGo(): void
}

/** @param port the receiver's, on this computer. */
export async function startRelay(port: number): Promise<Relay> {
  let sent = 0
  let cutAt = Number.POSITIVE_INFINITY
  let holdAt = Number.POSITIVE_INFINITY
  let letGo: (() => void) | null = null
  const open = new Set<net.Socket>()
  const server = net.createServer((near) => {
    const far = net.connect(port, '127.0.0.1')
    near.on('data', (bytes) => {
      sent += bytes.length
      if (sent >= cutAt) {
        cutAt = Number.POSITIVE_INFINITY
        near.destroy()
      } else if (sent >= holdAt) {
        holdAt = Number.POSITIVE_INFINITY
        near.unpipe(far)
        near.pause()
        letGo = () => {
          near.pipe(far)
        }
      }
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
  return {
    port: address.port,
    sentBytes: () => sent,
    cutAfter(bytes) {
      cutAt = sent + bytes
    },
    holdAfter(bytes) {
      holdAt = sent + bytes
    },
    letGo: () => letGo?.(),
  }
}
