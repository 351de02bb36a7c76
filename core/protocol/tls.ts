import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect, type TLSSocket, type TlsOptions } from 'node:tls'
import type { Identity } from './identity.ts'
import { peerFingerprint, WrongFingerprint } from './pin.ts'

/** How long a connection may take until both certificates are exchanged, in milliseconds. */
export const HANDSHAKE_MS = 15_000

/**
 * Both ends are known by their certificates alone, which no authority has signed: Node's own verdict is
 * not asked for (`rejectUnauthorized`), the pinned fingerprint is compared before the first frame instead.
 */
const shared = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3', rejectUnauthorized: false } as const

export function serverOptions(identity: Identity): TlsOptions {
  return {
    ...shared,
    key: identity.key,
    cert: identity.certificate,
    requestCert: true,
    handshakeTimeout: HANDSHAKE_MS,
  }
}

export interface Peer {
  host: string
  port: number
  fingerprint: string
}

/**
 * Connects, and gives the socket back only if the peer has the pinned certificate.
 * @throws WrongFingerprint, or what the system says; ETIMEDOUT after HANDSHAKE_MS.
 */
export async function connectPinned(peer: Peer, identity: Identity, signal: AbortSignal): Promise<TLSSocket> {
  const socket = connect({
    ...shared,
    host: peer.host,
    port: peer.port,
    key: identity.key,
    cert: identity.certificate,
    checkServerIdentity: () => undefined,
  })
  const late = AbortSignal.timeout(HANDSHAKE_MS)
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.any([signal, late]) })
    const fingerprint = peerFingerprint(socket)
    if (fingerprint !== peer.fingerprint) throw new WrongFingerprint(fingerprint ?? 'none')
    return socket
  } catch (error) {
    // An error that comes after the verdict has nobody left to tell.
    socket.on('error', () => undefined)
    socket.destroy()
    if (signal.aborted) throw new Error('stopped', { cause: error })
    throw late.aborted ? Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }) : error
  }
}

/** Where a connection comes from, for the log. */
export function remoteOf(socket: Socket): string {
  const { remoteAddress, remotePort } = socket
  return remoteAddress === undefined ? '?' : `${remoteAddress}:${remotePort ?? 0}`
}

/** The TCP connection that a TLS server's socket is on. Node keeps it under this name, and documents none (lib/_tls_wrap.js). */
export function transportOf(socket: TLSSocket): object {
  const transport: unknown = Reflect.get(socket, '_parent')
  return typeof transport === 'object' && transport !== null ? transport : socket
}
