import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'

/** What a request is answered with in the server's place. */
export interface Refusal {
  status: number
  /** The error's code, as S3 has it; a status below 300 has no body. */
  code: string
  headers?: Record<string, string>
  /** More elements of the error. */
  more?: string
}

export interface ProxyOptions {
  /** Null: the server answers. 'cut': the connection ends at once. */
  refuse?: (asked: IncomingMessage) => Refusal | 'cut' | null
  /** It speaks TLS with this certificate. */
  tls?: { key: string; cert: string }
}

/** An HTTP proxy before a storage server, that answers some requests in its place. */
export async function openProxy(
  endpoint: string,
  { refuse = () => null, tls }: ProxyOptions,
): Promise<{ endpoint: string; close(): void }> {
  const { hostname, port } = new URL(endpoint)
  const serve = (asked: IncomingMessage, answer: ServerResponse): void => {
    const refusal = refuse(asked)
    if (refusal === 'cut') {
      asked.destroy()
      return
    }
    if (refusal !== null) {
      const { status, code, headers, more = '' } = refusal
      asked.resume()
      answer.writeHead(status, { 'content-type': 'application/xml', ...headers })
      const body = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}</Message>${more}</Error>`
      answer.end(asked.method === 'HEAD' || status < 300 ? '' : body)
      return
    }
    const { method, url, headers } = asked
    const passed = request({ hostname, port, method, path: url, headers, agent: false }, (from) => {
      answer.writeHead(from.statusCode ?? 500, from.headers)
      from.pipe(answer)
    })
    // Swift ends a body that is not there.
    passed.on('error', () => (answer.headersSent ? answer.end() : answer.destroy()))
    asked.pipe(passed)
  }
  const server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const scheme = tls === undefined ? 'http' : 'https'
  return {
    endpoint: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}
