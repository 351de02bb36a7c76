import type { TLSSocket } from 'node:tls'
import { dropError } from '../dropped-errors.ts'
import { fingerprintOf } from './identity.ts'

/** The fingerprint of the peer's certificate; null: it showed none, or one that Node.js cannot read, for which it throws. */
export function peerFingerprint(socket: TLSSocket): string | null {
  try {
    const { raw } = socket.getPeerCertificate()
    return raw === undefined ? null : fingerprintOf(raw)
  } catch (error) {
    return dropError(error, 'a certificate that cannot be read counts as none', null)
  }
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
