import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

const MOST_BYTES = 512 * 1024 * 1024

export interface FloodServer {
  port: number
  /** Bytes that were given to connections so far. */
  given(): number
}

/**
 * A server on this computer that sends a beginning, and then a piece again and again, as fast as it is taken.
 * @param afterRequest false: it does not wait for a first request.
 */
export async function startFloodServer(
  beginning: string | Buffer,
  piece: string | Buffer,
  afterRequest = true,
): Promise<FloodServer> {
  const some = Buffer.from(piece)
  const bytes = Buffer.concat(Array.from({ length: Math.ceil(65_536 / some.length) }, () => some))
  let given = 0
  const flood = (socket: Socket) => {
    while (!socket.destroyed && given < MOST_BYTES) {
      given += bytes.length
      if (socket.write(bytes)) continue
      socket.once('drain', () => flood(socket))
      return
    }
  }
  const sockets = new Set<Socket>()
  const server = createServer(async (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    if (afterRequest) await once(socket, 'data').catch(() => undefined)
    socket.resume()
    socket.write(beginning)
    flood(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, given: () => given }
}
