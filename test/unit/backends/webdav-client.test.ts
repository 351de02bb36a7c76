import { createHash } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import { WebdavClient } from '../../../core/backends/webdav/client.ts'

/** A server that answers each PUT in this way, and a client of it. */
async function begin(answer: http.RequestListener, user = '') {
  const server = http.createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const client = new WebdavClient({ url: `http://127.0.0.1:${port}/dav/`, user, certificate: null }, '', 2)
  onTestFinished(() => {
    client.close()
    server.closeAllConnections()
    server.close()
  })
  return client
}

const content = Buffer.from('content')
const sha1 = createHash('sha1').update(content).digest('hex')

async function put(client: WebdavClient, size = content.length) {
  const stream = client.put('/dav/file', size)
  await stream.write(content)
  return stream.end()
}

/** Answers after the whole content has arrived. */
const answered =
  (status: number, headers: http.OutgoingHttpHeaders = {}): http.RequestListener =>
  (request, response) =>
    request.resume().once('end', () => response.writeHead(status, headers).end())

test.each([
  ['the right digest', answered(201, { 'X-Hash-SHA1': sha1 }), { isProven: true, sha1 }],
  ['no digest', answered(204), { isProven: false, sha1 }],
])('WebDAV upload: an answer with %s confirms the content', async (_, answer, result) =>
  expect(await put(await begin(answer))).toEqual(result),
)

test.each([
  ['another digest', answered(201, { 'X-Hash-SHA1': '0'.repeat(40) }), 'damaged'],
  ['a status of several', answered(207), 'failed'],
  ['no room', answered(507), 'full'],
  ['a missing directory', answered(409), 'absent'],
])('WebDAV upload: an answer with %s is an error', async (_, answer, kind) =>
  expect(put(await begin(answer))).rejects.toMatchObject({ kind }),
)

test('WebDAV upload: a connection that ends while the server is awaited is an error that passes', async () => {
  const client = await begin((request) => void request.once('data', () => request.destroy()))
  await expect(put(client, content.length + 1)).rejects.toMatchObject({ kind: 'lost' })
})

test('WebDAV login: without TLS the password is sent only to a server that asks for it', async () => {
  const asked: (string | undefined)[] = []
  let status = 404
  const client = await begin((request, response) => {
    asked.push(request.headers.authorization)
    const headers = status === 401 ? { 'WWW-Authenticate': 'Basic realm="files"' } : {}
    response.writeHead(request.headers.authorization === undefined ? status : 200, headers).end()
  }, 'ann')
  const ask = () => client.tell('PROPFIND', '/dav/')
  for (status of [404, 403])
    await expect(ask()).rejects.toMatchObject({ reason: expect.stringContaining(`${status}`) })
  expect(asked).toEqual([undefined, undefined])
  status = 401
  await ask()
  await ask()
  const login = `Basic ${Buffer.from('ann:').toString('base64')}`
  expect(asked.slice(2)).toEqual([undefined, login, login])
})
