import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { createClient, S3Store } from '../../../core/backends/s3/s3-store.ts'
import { until } from '../../support/until.ts'

test('S3 store: a request under way is not sent again after the store was closed, and it can be closed twice', async () => {
  let copies = 0
  const server = http.createServer((request, response) => {
    if (request.method === 'HEAD') return response.writeHead(200, { 'Content-Length': 4 }).end()
    copies += 1
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const at = { endpoint, region: 'here', pathStyle: true, certificate: null }
  const client = createClient(at, { accessKey: 'user', secretKey: 'secret' })
  const place = { client, bucket: 'bucket', prefix: '', own: 'pc/.holdfast/' }
  const store = new S3Store({ ...place, storageClass: null, lockDays: null })
  const copied = store.setFacts('file', { size: 4, mtimeNs: 1n, mode: 0o600, digest: null })
  const refused = expect(copied).rejects.toMatchObject({ kind: 'lost' })
  await until('the request', () => copies === 1)
  store.close()
  store.close()
  await refused
  expect(copies).toBe(1)
})
