import { duplexPair } from 'node:stream'
import type { TLSSocket } from 'node:tls'

/**
 * The two ends of a connection in memory; `socket` is the end of the one that is tested, with what it asks a TLS
 * socket for. So tens of thousands of connections take seconds.
 *
 * @param certificate what the peer has shown (DER).
 */
export function streamPair(certificate: Buffer) {
  const [near, far] = duplexPair()
  // As on a TLS connection: who hears the end ends, too.
  near.allowHalfOpen = false
  far.allowHalfOpen = false
  const peer = { raw: certificate, valid_to: 'Jan  1 00:00:00 2100 GMT' }
  const socket = Object.assign(near, {
    setNoDelay: () => undefined,
    setKeepAlive: () => undefined,
    getPeerCertificate: () => peer,
    remoteAddress: '127.0.0.1',
    remotePort: 1,
  }) as unknown as TLSSocket
  // A real socket's other end hears of its end, however it came to it.
  near.once('close', () => far.destroy())
  far.once('close', () => near.destroy())
  far.on('error', () => undefined)
  return { socket, far }
}
