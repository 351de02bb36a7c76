import { once } from 'node:events'
import http from 'node:http'
import { onTestFinished } from 'vitest'

interface Entry {
  /** Null: a directory. */
  bytes: Buffer | null
  properties: Map<string, string>
}

/** How a test has the server differ from a faithful one: returns a status instead of doing what was asked. */
export interface MemoryDav {
  url: string
  entries: Map<string, Entry>
  asked: string[]
  refuse:
    | ((request: { method: string; path: string; headers: http.IncomingHttpHeaders }) => number | null)
    | null
  /** Changes what a PUT keeps. */
  keep: (bytes: Buffer) => Buffer
  /** Forgets properties, as servers do that cannot keep them. */
  keepsProperties: boolean
  /** Replaces a file although it was not to. */
  overwrites: boolean
}

const parentOf = (path: string) => path.replace(/[^/]+\/?$/, '')
const bare = (path: string) => (path === '/' ? path : path.replace(/\/$/, ''))

/** A WebDAV server in memory, as far as Holdfast uses one. It ends with the test. */
export async function startMemoryDav(): Promise<MemoryDav> {
  const dav: MemoryDav = {
    ...{ url: '', asked: [], refuse: null, keep: (bytes) => bytes },
    ...{ keepsProperties: true, overwrites: false },
    entries: new Map([['/dav', { bytes: null, properties: new Map() }]]),
  }
  const { entries } = dav
  const toResponse = (path: string, { bytes, properties }: Entry) => {
    const type = bytes === null ? '<D:collection/>' : ''
    const length = bytes === null ? '' : `<D:getcontentlength>${bytes.length}</D:getcontentlength>`
    const own = [...properties].map(([key, value]) => `<h:${key}>${value}</h:${key}>`).join('')
    const quota =
      '<D:quota-available-bytes>900</D:quota-available-bytes><D:quota-used-bytes>100</D:quota-used-bytes>'
    const href = bytes === null ? `${path}/` : path
    return `<D:response><D:href>${href}</D:href><D:propstat><D:prop><D:resourcetype>${type}</D:resourcetype>${length}<D:getlastmodified>Sun, 06 Nov 2022 08:49:37 GMT</D:getlastmodified>${own}${quota}</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>`
  }
  const relocate = (path: string, { destination, overwrite }: http.IncomingHttpHeaders, isMove: boolean) => {
    const to = bare(new URL(String(destination)).pathname)
    const entry = entries.get(path)
    if (entry === undefined) return 404
    if (!entries.has(bare(parentOf(to)))) return 409
    const isThere = entries.has(to)
    if (isThere && overwrite === 'F' && !dav.overwrites) return 412
    entries.set(to, { bytes: entry.bytes, properties: new Map(entry.properties) })
    if (isMove) entries.delete(path)
    return isThere ? 204 : 201
  }
  type Answer = [status: number, body?: Buffer | string]
  type Handler = (path: string, headers: http.IncomingHttpHeaders, body: Buffer, entry: Entry) => Answer
  const isDirectory = (path: string) => entries.get(path)?.bytes === null
  /** Requests about a name that need not be taken. */
  const making: Record<string, (path: string, body: Buffer) => Answer> = {
    MKCOL(path) {
      if (entries.has(path)) return [405]
      if (!isDirectory(bare(parentOf(path)))) return [409]
      entries.set(path, { bytes: null, properties: new Map() })
      return [201]
    },
    PUT(path, body) {
      if (!isDirectory(bare(parentOf(path)))) return [409]
      entries.set(path, { bytes: dav.keep(body), properties: new Map() })
      return [201]
    },
  }
  const handlers: Record<string, Handler> = {
    MOVE: (path, headers) => [relocate(path, headers, true)],
    COPY: (path, headers) => [relocate(path, headers, false)],
    DELETE(path) {
      for (const name of [...entries.keys()])
        if (name === path || name.startsWith(`${path}/`)) entries.delete(name)
      return [204]
    },
    GET(_path, { range }, _body, { bytes }) {
      const whole = bytes ?? Buffer.alloc(0)
      if (range === undefined) return [200, whole]
      const from = Number(/bytes=(\d+)-/.exec(range)?.[1])
      return from >= whole.length ? [416] : [206, whole.subarray(from)]
    },
    PROPPATCH(_path, _headers, body, { properties }) {
      if (dav.keepsProperties)
        for (const [, key = '', value = ''] of String(body).matchAll(/<h:(\w+)>([^<]*)<\/h:/g))
          properties.set(key, value)
      return [207, '<D:multistatus xmlns:D="DAV:"/>']
    },
    PROPFIND(path, { depth }, _body, entry) {
      const below = [...entries].filter(([name]) => depth === '1' && bare(parentOf(name)) === path)
      const all = [[path, entry] as const, ...below].map(([name, one]) => toResponse(name, one))
      return [207, `<D:multistatus xmlns:D="DAV:" xmlns:h="urn:holdfast">${all.join('')}</D:multistatus>`]
    },
  }
  const answer = (method: string, path: string, headers: http.IncomingHttpHeaders, body: Buffer): Answer => {
    const entry = entries.get(path)
    const make = making[method]
    if (make !== undefined) return make(path, body)
    return entry === undefined ? [404] : (handlers[method]?.(path, headers, body, entry) ?? [405])
  }
  const serve = (request: http.IncomingMessage, response: http.ServerResponse, content: Buffer) => {
    const { method = '', url = '', headers } = request
    const path = bare(url)
    dav.asked.push(`${method} ${path}`)
    const refused = dav.refuse?.({ method, path, headers }) ?? null
    const [status, body] = refused === null ? answer(method, path, headers, content) : [refused]
    response.writeHead(status).end(body)
  }
  const server = http.createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.once('end', () => serve(request, response, Buffer.concat(pieces)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  dav.url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/dav`
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return dav
}
