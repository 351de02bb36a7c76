import type { Socket } from 'node:net'
import type { PeerCertificate, TLSSocket, TlsOptions } from 'node:tls'
import { connect } from 'node:tls'
import type { Identity } from './identity.ts'
import { fingerprintOf } from './identity.ts'

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

/** The peer's certificate; null: it showed none, or one that Node.js cannot read, for which it throws. */
function certificateOf(socket: TLSSocket): Pick<PeerCertificate, 'raw' | 'valid_to'> | null {
  try {
    const certificate = socket.getPeerCertificate()
    return certificate.raw === undefined ? null : certificate
  } catch {
    return null
  }
}

/** The fingerprint of the peer's certificate, or null if it showed none. */
export function peerFingerprint(socket: TLSSocket): string | null {
  const certificate = certificateOf(socket)
  return certificate === null ? null : fingerprintOf(certificate.raw)
}

/** Whether the peer's certificate has ended. Its beginning is not asked for: a clock may be behind. */
export function hasExpired(socket: TLSSocket, now: number): boolean {
  const end = certificateOf(socket)?.valid_to
  return end === undefined || Date.parse(end) < now
}

/** The computer that answered has another certificate than the pinned one. */
export class WrongFingerprint extends Error {
  override readonly name = 'WrongFingerprint'
  readonly fingerprint: string

  constructor(fingerprint: string) {
    super(`unexpected certificate ${fingerprint}`)
    this.fingerprint = fingerprint
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
export function connectPinned(peer: Peer, identity: Identity, signal: AbortSignal): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...shared,
      host: peer.host,
      port: peer.port,
      key: identity.key,
      cert: identity.certificate,
      checkServerIdentity: () => undefined,
    })
    const settle = (error: Error | null) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
      socket.removeListener('error', settle)
      socket.removeListener('close', gone)
      if (error === null) {
        resolve(socket)
        return
      }
      // An error that comes after the verdict has nobody left to tell.
      socket.on('error', () => undefined)
      socket.destroy()
      reject(error)
    }
    const timedOut = () => Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })
    const timer = setTimeout(() => settle(timedOut()), HANDSHAKE_MS)
    const abort = () => settle(new Error('stopped'))
    const gone = () => settle(Object.assign(new Error('closed'), { code: 'ECONNRESET' }))
    signal.addEventListener('abort', abort)
    if (signal.aborted) abort()
    socket.once('error', settle)
    socket.once('close', gone)
    socket.once('secureConnect', () => {
      const fingerprint = peerFingerprint(socket)
      settle(fingerprint === peer.fingerprint ? null : new WrongFingerprint(fingerprint ?? 'none'))
    })
  })
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
