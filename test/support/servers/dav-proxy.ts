import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { onTestFinished } from 'vitest'

/** The answer in the server's place. */
export interface Reply {
  status: number
  headers?: Record<string, string | string[]>
  body?: string | Iterable<Buffer>
}

export interface DavFaults {
  /** Null: the server answers. */
  reply?(asked: IncomingMessage): Reply | null
  /** Changes the headers of a request. */
  headers?(headers: IncomingHttpHeaders, asked: IncomingMessage): void
  /** Returns the body that the server gets. */
  body?(bytes: Buffer, asked: IncomingMessage): Buffer
  /** Returns the body of the server's answer. */
  answer?(bytes: Buffer, asked: IncomingMessage): Buffer
}

/**
 * A WebDAV server without TLS on the loopback that passes requests on to a real one, with faults; ends with the test.
 * @param server the real one's address.
 * @returns the directory's address.
 */
export async function startDavProxy(server: string, faults: DavFaults): Promise<string> {
  const { origin, hostname, port, pathname } = new URL(server)
  const serve = async (asked: IncomingMessage, response: ServerResponse): Promise<void> => {
    const reply = faults.reply?.(asked) ?? null
    if (reply !== null) {
      asked.resume()
      response.writeHead(reply.status, reply.headers)
      if (typeof reply.body === 'string' || reply.body === undefined) response.end(reply.body)
      else
        for (const piece of reply.body) {
          if (response.destroyed) return
          if (!response.write(piece)) await Promise.race([once(response, 'drain'), once(response, 'close')])
        }
      response.end()
      return
    }
    const sent = await buffer(asked)
    const body = faults.body?.(sent, asked) ?? sent
    const headers: IncomingHttpHeaders = {
      ...asked.headers,
      host: `${hostname}:${port}`,
      'content-length': String(body.length),
    }
    const { destination } = headers
    if (typeof destination === 'string') headers.destination = `${origin}${new URL(destination).pathname}`
    faults.headers?.(headers, asked)
    const { method, url } = asked
    const options = { hostname, port, method, path: url, headers, agent: false, rejectUnauthorized: false }
    const passed = request(options, async (from) => {
      const bytes = await buffer(from)
      const given = faults.answer?.(bytes, asked) ?? bytes
      const { 'transfer-encoding': _, ...kept } = from.headers
      const hasNone = method === 'HEAD' || from.statusCode === 204 || from.statusCode === 304
      const length = hasNone ? {} : { 'content-length': String(given.length) }
      response.writeHead(from.statusCode ?? 500, { ...kept, ...length })
      response.end(hasNone ? undefined : given)
    })
    passed.on('error', () => response.destroy())
    passed.end(body)
  }
  const proxy = createServer((asked, response) => void serve(asked, response).catch(() => response.destroy()))
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  onTestFinished(() => {
    proxy.closeAllConnections()
    proxy.close()
  })
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}${pathname}`
}
