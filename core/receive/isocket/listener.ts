import { once } from 'node:events'
import net from 'node:net'
import { formatAddress } from '../../lib/i18n/address.ts'
import { message } from '../../lib/i18n/message.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { englishWords } from '../../lib/i18n/words.ts'
import { errorCode } from '../../platform/system-error.ts'
import { formatRemote } from '../../protocol/tls.ts'
import { IsocketConnection, type IsocketHost } from './connection.ts'

/** With 64 KiB for the socket and a small file each, at most 20 MiB of memory; and one open file each. */
const MAX_CONNECTIONS = 64
/** On close, a file being received has this much time to become durable. */
const FINISH_WITHIN_MS = 3_000

export interface IsocketOptions {
  /** An address of this computer. */
  host: string
  /** 0: any free port. */
  port: number
}

/** Matches addresses as the system writes them. */
const EVERYWHERE = /^(::|(::ffff:)?0\.0\.0\.0)$/
const LOOPBACK = /^(::1$|(::ffff:)?127\.)/

/**
 * Accepts original isocket clients: plain text, without authentication.
 * @throws UserError if the address means all addresses, or cannot be listened on.
 */
export async function openIsocket(options: IsocketOptions, host: IsocketHost) {
  const { host: address, port } = options
  if (address === '*') throw new UserError('transfer.isocketEverywhere')
  const connections = new Set<IsocketConnection>()
  const server = net.createServer({ allowHalfOpen: true })

  server.on('connection', (socket) => {
    if (connections.size >= MAX_CONNECTIONS) {
      host.onRefusedConnection(
        formatRemote(socket),
        `isocket: more than ${MAX_CONNECTIONS} connections`,
        'flood',
      )
      socket.on('error', () => undefined)
      socket.resetAndDestroy()
      return
    }
    const connection = new IsocketConnection(socket, host)
    connections.add(connection)
    void connection.done.then(() => connections.delete(connection))
  })

  try {
    server.listen({ host: address, port })
    await once(server, 'listening')
  } catch (thrown) {
    const reason = errorCode(thrown) ?? String(thrown)
    throw new UserError('transfer.isocketListenFailed', { address: formatAddress(address, port), reason })
  }
  const bound = server.address() as net.AddressInfo
  // "0" and many other names mean all addresses. No connection has been accepted yet.
  if (EVERYWHERE.test(bound.address)) {
    server.close()
    throw new UserError('transfer.isocketEverywhere')
  }
  server.on('error', (error) => host.log('warn', `isocket: ${error.message}`))
  const at = formatAddress(address, bound.port)
  const warning = LOOPBACK.test(bound.address) ? 'transfer.isocketOpenHere' : 'transfer.isocketOpen'
  host.log('warn', englishWords(message(warning, { address: at })))

  return {
    port: bound.port,
    get connections() {
      return connections.size
    },
    async close() {
      server.close()
      const all = [...connections]
      for (const one of all) one.finish()
      const late = setTimeout(() => {
        for (const one of all) one.reset()
      }, FINISH_WITHIN_MS)
      await Promise.all(all.map((one) => one.done))
      clearTimeout(late)
    },
  }
}
