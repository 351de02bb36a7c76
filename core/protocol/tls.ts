import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect, type TLSSocket, type TlsOptions } from 'node:tls'
import { dropError, ignoreError } from '../dropped-errors.ts'
import { openTunnel } from '../lib/network/tunnel.ts'
import { computeFingerprint, type Identity } from './identity.ts'

/** Maximum time until both certificates are exchanged, in milliseconds. */
export const HANDSHAKE_MS = 15_000

/**
 * Both ends are identified by their self-signed certificates. Node's check against authorities is therefore disabled
 * (`rejectUnauthorized`); the pinned fingerprint is compared before the first frame instead.
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

/** The peer has another certificate than the pinned one. */
export class WrongFingerprint extends Error {
  override readonly name = 'WrongFingerprint'
  readonly fingerprint: string

  constructor(fingerprint: string) {
    super(`unexpected certificate ${fingerprint}`)
    this.fingerprint = fingerprint
  }
}

/**
 * Connects, and returns the socket only if the peer has the pinned certificate.
 * @throws WrongFingerprint, ProxyError, system errors; ETIMEDOUT after HANDSHAKE_MS
 */
export const connectPinned = async (
  peer: Peer,
  identity: Identity,
  signal: AbortSignal,
): Promise<TLSSocket> => (await connectTls(peer, peer.fingerprint, identity, signal)).socket

/**
 * Connects to a peer that still has to prove who it is, and returns the fingerprint of its certificate.
 * @throws as connectPinned
 */
export const connectUnproven = (peer: Omit<Peer, 'fingerprint'>, identity: Identity, signal: AbortSignal) =>
  connectTls(peer, null, identity, signal)

/** @param pinned null: any certificate is taken. */
async function connectTls(
  peer: Omit<Peer, 'fingerprint'>,
  pinned: string | null,
  identity: Identity,
  signal: AbortSignal,
): Promise<{ socket: TLSSocket; fingerprint: string }> {
  const late = AbortSignal.timeout(HANDSHAKE_MS)
  const ending = AbortSignal.any([signal, late])
  let socket: TLSSocket | null = null
  try {
    const tunnel = await openTunnel(peer, ending)
    socket = connect({
      ...shared,
      ...(tunnel === null ? { host: peer.host, port: peer.port } : { socket: tunnel }),
      key: identity.key,
      cert: identity.certificate,
      checkServerIdentity: () => undefined,
    })
    await once(socket, 'secureConnect', { signal: ending })
    const fingerprint = peerFingerprint(socket)
    if (fingerprint === null || (pinned !== null && fingerprint !== pinned))
      throw new WrongFingerprint(fingerprint ?? 'none')
    return { socket, fingerprint }
  } catch (error) {
    // Without a listener a later error would end the process.
    socket?.on('error', ignoreError('the connection is given up, for its first error'))
    socket?.destroy()
    if (signal.aborted) throw new Error('stopped', { cause: error })
    throw late.aborted ? Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }) : error
  }
}

/**
 * Returns the fingerprint of the peer's certificate; null: it has none, or an invalid one, for which Node.js throws.
 */
export function peerFingerprint(socket: TLSSocket): string | null {
  try {
    const { raw } = socket.getPeerCertificate()
    return raw === undefined ? null : computeFingerprint(raw)
  } catch (error) {
    return dropError(error, 'a certificate that cannot be read counts as none', null)
  }
}

/** Returns the remote address of a connection, for the log. */
export function formatRemote(socket: Socket): string {
  const { remoteAddress, remotePort } = socket
  return remoteAddress === undefined ? '?' : `${remoteAddress}:${remotePort ?? 0}`
}

/** Returns the TCP socket below a TLS server's socket, from an undocumented field of Node (lib/_tls_wrap.js). */
export function getTransport(socket: TLSSocket): object {
  const transport: unknown = Reflect.get(socket, '_parent')
  return typeof transport === 'object' && transport !== null ? transport : socket
}
