// Servers of each kind whose answers do not end: each is cut off after a limit.

import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import ssh2 from 'ssh2'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { openOverviews, readOverview } from '../../../core/agent/parts/computers/connect.ts'
import { BackendError } from '../../../core/backends/errors.ts'

import { createClient, S3Store } from '../../../core/backends/s3/s3-store.ts'
import { connectSftp } from '../../../core/backends/sftp/connect.ts'
import { openSftpStore } from '../../../core/backends/sftp/sftp-store.ts'
import { openDeliverer } from '../../../core/events/deliver.ts'
import { openTunnel, setProxy } from '../../../core/lib/network/tunnel.ts'
import { eventSinkSchema } from '../../../core/settings/event-sinks.ts'
import { attempt, givenFor } from '../../support/alerts/channels.ts'
import { startFloodServer } from '../../support/servers/flood-server.ts'
import { startLyingSftp } from '../../support/servers/lying-sftp.ts'
import { until } from '../../support/until.ts'

const MIB = 1024 * 1024
const MOST_GIVEN = 64 * MIB
const LONG_MS = 60_000
const never = new AbortController().signal
const fault = (kind: string) => expect.objectContaining({ kind })

async function openBucket(port: number) {
  const place = { endpoint: `http://127.0.0.1:${port}`, region: 'x', pathStyle: true, certificate: null }
  const client = createClient(place, { accessKey: 'a', secretKey: 'b' })
  const bucket = { client, bucket: 'b', prefix: '', storageClass: null, lockDays: null, own: 'pc/.holdfast/' }
  const store = new S3Store(bucket)
  onTestFinished(() => store.close())
  return store
}

const http = (status: string) => `HTTP/1.1 ${status}\r\nContent-Type: application/xml\r\n\r\n`

describe('S3 answers', () => {
  test.each([
    ['a listing', '200 OK', '<ListBucketResult>', '<Contents><Key>k</Key></Contents>'],
    ['a listing of endless depth', '200 OK', '<ListBucketResult>', '<Contents>'],
    ['an error', '403 Forbidden', '<Error><Message>', 'x'],
  ])('%s without an end is cut off', async (_, status, beginning, piece) => {
    const server = await startFloodServer(http(status) + beginning, piece)
    const store = await openBucket(server.port)
    await expect(store.list('', null, true)).rejects.toBeInstanceOf(BackendError)
    expect(server.given()).toBeLessThan(MOST_GIVEN)
  })

  test('a confirmation and an error of a content without an end are cut off', async () => {
    const server = await startFloodServer(http('404 Not Found'), '<a>')
    const store = await openBucket(server.port)
    const read = async () => {
      for await (const _ of store.read('a', 0, never));
    }
    await expect(read()).rejects.toBeInstanceOf(BackendError)
    await store.remove('a')
    expect(server.given()).toBeLessThan(MOST_GIVEN)
  })

  test.each([
    ['versions', (store: S3Store) => store.versions('a')],
    ['unfinished uploads', (store: S3Store) => store.sweep(0)],
  ])(
    'pages of %s without an end are cut off',
    async (_, ask) => {
      let pages = 0
      const page = (response: ServerResponse) => {
        pages += 1
        const more = `<IsTruncated>true</IsTruncated><NextKeyMarker>a</NextKeyMarker>`
        response.end(`<Result>${more}<NextVersionIdMarker>${pages}</NextVersionIdMarker></Result>`)
      }
      const server = createServer((_, response) => page(response)).listen(0, '127.0.0.1')
      onTestFinished(() => {
        server.closeAllConnections()
        server.close()
      })
      await until('it listens', () => server.address())
      const store = await openBucket((server.address() as AddressInfo).port)
      await expect(ask(store)).rejects.toEqual(fault('impossible'))
      expect(pages).toBeLessThan(2_000)
    },
    LONG_MS,
  )
})

describe('S3 listings', () => {
  /** Answers each request for a page by its number. */
  async function openPages(toPage: (index: number) => string) {
    let pages = 0
    const server = createServer((_, response) => {
      pages += 1
      response.end(`<Result><IsTruncated>true</IsTruncated>${toPage(pages)}</Result>`)
    }).listen(0, '127.0.0.1')
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    await until('it listens', () => server.address())
    const store = await openBucket((server.address() as AddressInfo).port)
    return { store, pages: () => pages }
  }

  test('pages that repeat their token are cut off', async () => {
    const page =
      '<Contents><Key>k</Key><Size>1</Size></Contents><NextContinuationToken>t</NextContinuationToken>'
    const { store } = await openPages(() => page)
    const { next } = await store.list('', null, true)
    await expect(store.list('', next, true)).rejects.toEqual(fault('impossible'))
  })

  test(
    'pages without names are cut off',
    async () => {
      const { store, pages } = await openPages(
        (index) => `<NextContinuationToken>${index}</NextContinuationToken>`,
      )
      await expect(store.list('', null, true)).rejects.toEqual(fault('impossible'))
      expect(pages()).toBeLessThan(2_000)
    },
    LONG_MS,
  )

  test('pages of removed objects that repeat their marker are cut off', async () => {
    const version = '<Key>k</Key><VersionId>1</VersionId><Size>1</Size>'
    const page = `<DeleteMarker>${version}</DeleteMarker><NextKeyMarker>k</NextKeyMarker>`
    const { store } = await openPages(() => `<Status>Enabled</Status>${page}`)
    const { next } = (await store.removed('', null, null, true)) ?? expect.fail()
    await expect(store.removed('', next, null, true)).rejects.toEqual(fault('impossible'))
  })
})

describe('SFTP answers', () => {
  async function openLying(list: (id: number, sftp: ssh2.SFTPWrapper) => void) {
    const server = await startLyingSftp('secret', (sftp) => {
      sftp.on('OPENDIR', (id) => sftp.handle(id, Buffer.alloc(200, 'h')))
      sftp.on('READDIR', (id) => list(id, sftp))
    })
    onTestFinished(() => server.stop())
    const at = { name: 'nas', host: '127.0.0.1', port: server.port, user: 'u', path: '', keyFile: null }
    const login = { ...at, login: 'password' as const, hostKey: server.hostKey, hideNames: false }
    const connection = await connectSftp(login, { password: 'secret' }, never)
    onTestFinished(() => void connection.client.destroy())
    return openSftpStore(connection, { name: 'nas', path: '', folder: 'pc' })
  }
  const attrs = { mode: 0o100644, uid: 0, gid: 0, size: 1, atime: 0, mtime: 0 }
  const many = Array.from({ length: 4_000 }, () => ({ filename: 'x', longname: '', attrs }))

  test.each([
    ['without names', () => []],
    ['with names', () => many],
  ])(
    'a listing without an end, %s, is cut off',
    async (_, names) => {
      let pieces = 0
      const store = await openLying((id, sftp) => {
        pieces += 1
        sftp.name(id, names())
      })
      await expect(store.list('', null, false)).rejects.toEqual(fault('impossible'))
      expect(pieces).toBeLessThan(10_000)
      await expect(store.sweep(0)).rejects.toEqual(fault('impossible'))
      expect(pieces).toBeLessThan(20_000)
    },
    LONG_MS,
  )

  test('a listing of a name a minute is cut off', async () => {
    let pieces = 0
    const store = await openLying((id, sftp) => {
      pieces += 1
      vi.advanceTimersByTime(60_000)
      sftp.name(id, many.slice(0, 1))
    })
    vi.useFakeTimers({ toFake: ['performance'] })
    onTestFinished(() => void vi.useRealTimers())
    await expect(store.list('', null, false)).rejects.toEqual(fault('impossible'))
    expect(pieces).toBeLessThan(100)
  })

  test('directories inside each other without an end are cut off', async () => {
    let pieces = 0
    const directory = { filename: 'd', longname: '', attrs: { ...attrs, mode: 0o40755 } }
    const store = await openLying((id, sftp) => {
      pieces += 1
      if (pieces % 2 === 1) sftp.name(id, [directory])
      else sftp.status(id, ssh2.utils.sftp.STATUS_CODE.EOF)
    })
    await expect(store.list('', null, true)).rejects.toEqual(fault('impossible'))
    expect(pieces).toBeLessThan(2_000)
  })

  test('a call without an answer ends the connection, although the server keeps it alive', async () => {
    const asked = Promise.withResolvers<void>()
    const store = await openLying(() => asked.resolve())
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const listed = expect(store.list('', null, false)).rejects.toEqual(fault('lost'))
    await asked.promise
    vi.advanceTimersByTime(LONG_MS * 60)
    await listed
    await expect(store.ended).resolves.toEqual(fault('lost'))
  })
})

test.each([
  ['line', 'a refusal'],
  ['webhook', 'a refusal'],
  ['ntfy', 'a confirmation'],
] as const)('channel answers: %s with %s without an end is cut off', async (type, kind) => {
  const status = kind === 'a refusal' ? '400 No' : '200 OK'
  const server = await startFloodServer(`HTTP/1.1 ${status}\r\n\r\n`, 'x')
  const outcome = await attempt(type, givenFor(type, `http://127.0.0.1:${server.port}`))
  expect(outcome.did).toBe(kind === 'a refusal' ? 'refused' : 'delivered')
  expect(server.given()).toBeLessThan(MOST_GIVEN)
})

test('event sink answers: a refusal without an end is cut off', async () => {
  const server = await startFloodServer('HTTP/1.1 400 No\r\n\r\n', 'x')
  const sink = eventSinkSchema.parse({ id: 's', name: 's', kind: 'webhook', options: {} })
  const url = `http://127.0.0.1:${server.port}/`
  const deliverer = openDeliverer(sink, { computer: 'c', secrets: { url } })
  onTestFinished(() => deliverer.close())
  const sent = await deliverer.deliver([{ type: 'app.holdfast.x', data: {} } as never], never)
  expect(sent).toMatchObject({ done: false, isRefused: true })
  expect(server.given()).toBeLessThan(MOST_GIVEN)
})

test.each([
  ['lines', '220 mail\r\n', '250-x\r\n'],
  ['empty lines', '220 mail\r\n', '\r\n'],
  ['answers', '', '220 mail\r\n'],
  ['text', '', 'x'],
])('mail answers: %s without an end are cut off', async (_, beginning, piece) => {
  const server = await startFloodServer(beginning, piece, false)
  await attempt('mail', givenFor('mail', `smtp://127.0.0.1:${server.port}`))
  expect(server.given()).toBeLessThan(MOST_GIVEN)
})

test.each([
  ['http', 'headers', 'HTTP/1.1 200 OK\r\n', 'X: y\r\n'],
  ['http', 'a header', 'HTTP/1.1 200 OK\r\nX: ', 'y'],
  ['http', 'interim answers', '', 'HTTP/1.1 103 Early\r\n\r\n'],
  ['http', 'a refusal', 'HTTP/1.1 407 No\r\n\r\n', 'x'],
  ['socks5', 'zeros', '', '\0'],
  ['socks5', 'methods', '', '\x05\0'],
  ['socks5', 'a name', '\x05\0\x05\0\0\x03\xff', 'x'],
])(
  'proxy answers: %s with %s without an end are cut off',
  async (scheme, _, beginning, piece) => {
    const server = await startFloodServer(Buffer.from(beginning, 'latin1'), piece)
    setProxy({ address: `${scheme}://127.0.0.1:${server.port}`, user: '', password: '', except: [] })
    onTestFinished(() => setProxy(null))
    const tunnel = await openTunnel({ host: 'far.example', port: 80 }, AbortSignal.timeout(5_000)).catch(
      (error: unknown) => error,
    )
    if (!(tunnel instanceof Error)) (tunnel as { destroy(): void }).destroy()
    expect(server.given()).toBeLessThan(MOST_GIVEN)
  },
  LONG_MS,
)

const stream = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n'
const overview = { computer: 'c', version: '1', level: 'ok', sentence: '', words: null, failures: null }

test.each([
  ['a line', stream, 'x'],
  ['empty lines', stream, '\n'],
  ['lines', stream, `: ${'x'.repeat(1_000)}\n`],
  ['an error', 'HTTP/1.1 500 No\r\n\r\n', 'x'],
])('watched computer answers: %s without an end is cut off', async (_, beginning, piece) => {
  const server = await startFloodServer(beginning, piece)
  const address = `http://127.0.0.1:${server.port}/`
  await expect(readOverview({ name: 'c', address, certificate: null, token: 't' })).rejects.toThrow()
  expect(server.given()).toBeLessThan(MOST_GIVEN)
})

test('watched computer answers: overviews without an end are cut off', async () => {
  const server = await startFloodServer(stream, `data: ${JSON.stringify({ ...overview, senders: null })}\n\n`)
  const target = { name: 'c', address: `http://127.0.0.1:${server.port}/`, certificate: null, token: 't' }
  const ended = Promise.withResolvers<Error>()
  let shown = 0
  const onOverview = () => {
    shown += 1
  }
  await openOverviews(target, never, { onOverview, onEnd: ended.resolve })
  await ended.promise
  expect(server.given()).toBeLessThan(MOST_GIVEN)
  expect(shown).toBeGreaterThan(0)
})

test.each([
  ['a packet', Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f])],
  ['packets', Buffer.from([0x20, 0x03, 0x00, 0x00, 0x00])],
])('MQTT answers: %s without an end is cut off', async (_, beginning) => {
  const server = await startFloodServer(beginning, Buffer.from([0xd0, 0x00]))
  const options = { broker: `mqtt://127.0.0.1:${server.port}` }
  const sink = eventSinkSchema.parse({ id: 's', name: 's', kind: 'mqtt', options })
  const deliverer = openDeliverer(sink, { computer: 'c', secrets: {} })
  onTestFinished(() => deliverer.close())
  const sent = deliverer.deliver([{ type: 'app.holdfast.x', data: {} } as never], AbortSignal.timeout(3_000))
  expect(await sent).toMatchObject({ done: false })
  expect(server.given()).toBeLessThan(MOST_GIVEN)
})
