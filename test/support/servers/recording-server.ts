import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import type { TestCertificate } from './certificate.ts'

export interface Recorded {
  method: string
  path: string
  headers: IncomingMessage['headers']
  body: string
}

/** What is answered to every request. `drip`: that text again and again, slowly, without an end. */
export interface Reply {
  status: number
  headers?: Record<string, string>
  body?: string | ((request: Recorded) => string)
  drip?: string
  /** So many bytes, as fast as they are taken. */
  flood?: number
  /** Nothing is said at all. */
  isSilent?: boolean
}

export interface RecordingServer {
  origin: string
  requests: Recorded[]
  /** Bytes of floods that were taken. */
  flooded(): number
  answer(reply: Reply | ((request: Recorded) => Reply)): void
}

const PIECE = Buffer.alloc(64 * 1024, 'x')

/** A web server on this computer that keeps what it is asked, and ends with the test. */
export async function recordingServer(certificate?: TestCertificate): Promise<RecordingServer> {
  const requests: Recorded[] = []
  let flooded = 0
  let replyTo: (request: Recorded) => Reply = () => ({ status: 200 })

  function* flood(bytes: number) {
    for (let left = bytes; left > 0; left -= PIECE.length) {
      flooded += PIECE.length
      yield PIECE
    }
  }
  const serve = async (asked: IncomingMessage, response: ServerResponse) => {
    let body = ''
    for await (const chunk of asked.setEncoding('utf8')) body += chunk
    const request = { method: asked.method ?? '', path: asked.url ?? '', headers: asked.headers, body }
    requests.push(request)
    const reply = replyTo(request)
    if (reply.isSilent) return
    response.writeHead(reply.status, reply.headers)
    if (reply.flood !== undefined) return pipeline(flood(reply.flood), response).catch(() => undefined)
    for (; reply.drip !== undefined && !response.destroyed; await delay(20)) response.write(reply.drip)
    response.end(typeof reply.body === 'function' ? reply.body(request) : reply.body)
  }

  const server = certificate === undefined ? createServer(serve) : createTlsServer(certificate, serve)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    origin: `http${certificate === undefined ? '' : 's'}://127.0.0.1:${port}`,
    requests,
    flooded: () => flooded,
    answer(reply) {
      replyTo = typeof reply === 'function' ? reply : () => reply
    },
  }
}
