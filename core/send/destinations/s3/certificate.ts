import { Agent, type AgentOptions } from 'node:https'
import type { Duplex } from 'node:stream'
import { type ConnectionOptions, connect } from 'node:tls'
import { peerFingerprint, WrongFingerprint } from '../../../protocol/pin.ts'

const SHOW_MS = 10_000

type Created = (error: Error | null, socket: Duplex) => void

/** Sends no byte before the certificate is verified as the pinned one; its issuer is ignored. */
class PinnedAgent extends Agent {
  readonly #pin: string

  constructor(options: AgentOptions, pin: string) {
    super(options)
    this.#pin = pin
  }

  override createConnection(options: ConnectionOptions, created: Created): undefined {
    const socket = connect({ ...options, rejectUnauthorized: false })
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
  }
}

/** @param pin the only accepted certificate; null: any that an authority trusted by this computer has signed. */
export function tlsAgent(options: AgentOptions, pin: string | null): Agent {
  return pin === null ? new Agent(options) : new PinnedAgent(options, pin)
}

/** Returns the fingerprint of the server's certificate; null: it presents none. Sends no data after the handshake. */
export function shownCertificate(endpoint: string): Promise<string | null> {
  const { hostname, port } = new URL(endpoint)
  return new Promise((resolve) => {
    const host = hostname.replace(/^\[|\]$/g, '')
    const servername = /^[\d.]+$|:/.test(host) ? {} : { servername: host }
    const socket = connect({
      host,
      port: port === '' ? 443 : Number(port),
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
