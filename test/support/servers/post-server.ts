import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

// A web server for tests without Vitest; recording-server.ts is the richer one for those with it.

export interface Post {
  headers: IncomingHttpHeaders
  body: string
  /** Milliseconds since 1970 when all of it was there. */
  at: number
}

export interface PostServer {
  /** The same for as long as it lives, also while nobody listens there. */
  origin: string
  posts: readonly Post[]
  /** Ends every connection; further ones are refused until it listens again. */
  close(): Promise<void>
  listen(): Promise<void>
}

/** Takes whatever is posted, answers 200, and keeps it. Close it in any case. */
export async function servePosts(): Promise<PostServer> {
  const posts: Post[] = []
  let server: Server | null = null
  let port = 0
  const listen = async () => {
    server = createServer(async (request, response) => {
      let body = ''
      for await (const chunk of request.setEncoding('utf8')) body += chunk
      posts.push({ headers: request.headers, body, at: Date.now() })
      response.end('{}')
    })
    await once(server.listen(port, '127.0.0.1'), 'listening')
    port = (server.address() as AddressInfo).port
  }
  await listen()
  return {
    origin: `http://127.0.0.1:${port}`,
    posts,
    listen,
    close: async () => {
      const closing = server
      if (closing === null) return
      server = null
      const closed = once(closing, 'close')
      closing.close()
      closing.closeAllConnections()
      await closed
    },
  }
}
