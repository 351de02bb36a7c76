import type { Agent, AgentOptions } from 'node:https'
import type { Duplex } from 'node:stream'
import { type ConnectionOptions, connect } from 'node:tls'
import { ignoreError } from '../../dropped-errors.ts'
import { type Message, message } from '../../lib/i18n/message.ts'
import { HttpsAgent, openTunnel, withTunnel } from '../../lib/network/tunnel.ts'
import { errorCode } from '../../platform/system-error.ts'
import { peerFingerprint, WrongFingerprint } from '../../protocol/tls.ts'
import type { BackendErrorKind } from '../errors.ts'
import { isOwnHost } from '../keep-connected.ts'

// Connections to a store over HTTPS: the check of a pinned certificate, explanations of a refused one, and the meaning of
// statuses.

/** Time limit to get a server's certificate. */
const SHOW_MS = 10_000
/** Node.js error codes for a certificate without a trusted issuer, or for another name or time. */
const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'ERR_TLS_CERT_ALTNAME_INVALID',
])

/** Longest text of a server in a message. */
const MAX_CHARACTERS = 300

/** Kinds of errors by the status of an answer; every other refusal is `failed`. */
export const kindsByHttpStatus: Readonly<Record<number, BackendErrorKind>> = {
  401: 'denied',
  403: 'denied',
  404: 'absent',
  412: 'exists',
  413: 'tooLarge',
  502: 'lost',
  504: 'lost',
  507: 'full',
}

/** Removes control characters and limits the length: a server can send any text. */
export const cleanText = (text: string): string => text.replace(/\p{Cc}+/gu, ' ').slice(0, MAX_CHARACTERS)

/** Returns the message for a refused certificate; null: the error has another cause. @param at has the server's address. */
export async function explainCertificate(
  cause: unknown,
  url: string,
  at: Record<string, string>,
): Promise<Message | null> {
  if (cause instanceof WrongFingerprint)
    return message('s3.wrongCertificate', { ...at, fingerprint: cause.fingerprint })
  if (!UNTRUSTED.has(errorCode(cause) ?? '')) return null
  return message('s3.untrusted', { ...at, fingerprint: (await shownCertificate(url)) ?? '' })
}

/** True if a server is this computer; false: it is not, or its name cannot be resolved now. */
export const isOnThisComputer = (endpoint: string): Promise<boolean> => isOwnHost(new URL(endpoint).hostname)

type Created = (error: Error | null, socket: Duplex) => void

/** Sends no byte before the certificate is verified as the pinned one; its issuer is ignored. */
class PinnedAgent extends HttpsAgent {
  readonly #pin: string

  constructor(options: AgentOptions, pin: string) {
    super(options)
    this.#pin = pin
  }

  override createConnection(options: ConnectionOptions, created: Created): undefined {
    return withTunnel(options, created, (tunnel) => {
      const socket = connect({
        ...options,
        ...(tunnel === null ? {} : { socket: tunnel }),
        rejectUnauthorized: false,
      })
      const failed = (error: Error) => created(error, socket)
      socket.once('error', failed)
      socket.once('secureConnect', () => {
        const fingerprint = peerFingerprint(socket)
        if (fingerprint !== this.#pin) {
          socket.destroy(new WrongFingerprint(fingerprint ?? 'none'))
          return
        }
        socket.off('error', failed)
        created(null, socket)
      })
    })
  }
}

/** @param pin the only accepted certificate; null: any that an authority trusted by this computer has signed. */
export function tlsAgent(options: AgentOptions, pin: string | null): Agent {
  return pin === null ? new HttpsAgent(options) : new PinnedAgent(options, pin)
}

/** Returns the fingerprint of the server's certificate; null: it presents none. Sends no data after the handshake. */
export async function shownCertificate(endpoint: string): Promise<string | null> {
  const url = new URL(endpoint)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const target = { host, port: url.port === '' ? 443 : Number(url.port) }
  const servername = /^[\d.]+$|:/.test(host) ? {} : { servername: host }
  const tunnel = await openTunnel(target, AbortSignal.timeout(SHOW_MS)).catch(
    ignoreError('the request itself reports the failed proxy', undefined),
  )
  if (tunnel === undefined) return null
  return new Promise((resolve) => {
    const socket = connect({
      ...(tunnel === null ? target : { socket: tunnel }),
      ...servername,
      rejectUnauthorized: false,
    })
    const end = (shown: string | null) => {
      socket.destroy()
      resolve(shown)
    }
    socket.setTimeout(SHOW_MS, () => end(null))
    socket.once('error', () => end(null))
    socket.once('secureConnect', () => end(peerFingerprint(socket)))
  })
}
