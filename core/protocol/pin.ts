import type { TLSSocket } from 'node:tls'
import { dropError } from '../dropped-errors.ts'
import { computeFingerprint } from './identity.ts'

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

/** The peer has another certificate than the pinned one. */
export class WrongFingerprint extends Error {
  override readonly name = 'WrongFingerprint'
  readonly fingerprint: string

  constructor(fingerprint: string) {
    super(`unexpected certificate ${fingerprint}`)
    this.fingerprint = fingerprint
  }
}
