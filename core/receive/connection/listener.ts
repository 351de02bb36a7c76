import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { formatAddress } from '../../lib/i18n/address.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { errorCode } from '../../platform/system-error.ts'
import type { Identity } from '../../protocol/identity.ts'
import { formatRemote, getTransport, serverOptions } from '../../protocol/tls.ts'
import type { RefusedKind } from './refusals.ts'

/**
 * Limits for connections that are not admitted yet: in total, and per address. Beyond them the oldest is closed.
 */
const MAX_UNKNOWN = 64
const MAX_UNKNOWN_OF_ADDRESS = 16
const MAX_CONNECTIONS = 512

/**
 * Accepts TLS 1.3 connections. Refuses all others; `refused` receives the reason.
 * @throws UserError if the address cannot be listened on.
 */
export async function openListener(
  at: { host: string; port: number },
  identity: Identity,
  accept: (socket: TLSSocket, letIn: () => void) => void,
  refused: (from: string, reason: string, kind: RefusedKind) => void,
) {
  const sockets = new Set<Socket>()
  const unknown = new Set<Socket>()
  /** Remote addresses, read at the start: the system no longer reports the address of a closed connection. */
  const remotes = new WeakMap<object, string>()
  const server = createServer(serverOptions(identity))
  server.maxConnections = MAX_CONNECTIONS

  server.on('connection', (socket) => {
    remotes.set(socket, formatRemote(socket))
    sockets.add(socket)
    unknown.add(socket)
    socket.once('close', () => {
      sockets.delete(socket)
      unknown.delete(socket)
    })
    const same = [...unknown].filter(({ remoteAddress }) => remoteAddress === socket.remoteAddress)
    const [oldest] = same.length > MAX_UNKNOWN_OF_ADDRESS ? same : unknown
    if (oldest === undefined || (same.length <= MAX_UNKNOWN_OF_ADDRESS && unknown.size <= MAX_UNKNOWN)) return
    unknown.delete(oldest)
    const from = formatRemote(oldest)
    oldest.destroy()
    refused(from, 'too many connections at once that were not let in yet', 'flood')
  })
  server.on('drop', () => refused('?', 'too many connections', 'flood'))
  server.on('tlsClientError', (error, socket) => {
    const code = errorCode(error)
    const from = remotes.get(getTransport(socket)) ?? formatRemote(socket)
    refused(from, code === null ? error.message : `${code}: ${error.message}`, 'tls')
    socket.destroy()
  })
  server.on('secureConnection', (socket) => {
    const { remotePort, remoteAddress } = socket
    accept(socket, () => {
      for (const one of unknown)
        if (one.remotePort === remotePort && one.remoteAddress === remoteAddress) unknown.delete(one)
    })
  })

  try {
    server.listen({ host: at.host, port: at.port })
    await once(server, 'listening')
  } catch (thrown) {
    throw new UserError('transfer.listenFailed', {
      address: formatAddress(at.host, at.port),
      reason: errorCode(thrown) ?? String(thrown),
    })
  }
  server.on('error', (error) => refused('?', error.message, 'other'))

  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}
