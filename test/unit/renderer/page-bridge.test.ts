// @module-tag timeless
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { StatePatch } from '../../../core/agent/state/schema.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { createPageBridge } from '../../../renderer/page/page-bridge.ts'
import { createPageHandlers, type PageHost } from '../../../renderer/page/page-commands.ts'
import { createPageServer } from '../../../renderer/page/page-server.ts'
import { sampleReport } from '../../support/report/sample.ts'
import { until } from '../../support/until.ts'

interface Request {
  route: string
  headers: IncomingMessage['headers']
  body: string
}

const signIn = message('web.signIn')
const session = { role: 'operator', computer: 'nas-2', name: 'ada' }

/** Serves answers by their routes on loopback, and a page for it. */
async function servePage(routes: Record<string, (response: ServerResponse) => void>) {
  const requests: Request[] = []
  const server = createServer(async (request, response) => {
    const route = `${request.method} ${request.url}`
    requests.push({ route, headers: request.headers, body: await text(request) })
    routes[route]?.(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    server.close()
    server.closeAllConnections()
  })
  const signedOut = vi.fn()
  const pageServer = createPageServer(
    `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    signedOut,
  )
  const host = {
    chooseFolder: vi.fn<PageHost['chooseFolder']>(async () => '/srv/ada/photos'),
    chooseFile: vi.fn<PageHost['chooseFile']>(async () => null),
    download: vi.fn<PageHost['download']>(),
  }
  const bridge = createPageBridge(pageServer, createPageHandlers(pageServer, host))
  return { server, requests, signedOut, pageServer, host, bridge }
}

const answer =
  (status: number, content: unknown) =>
  (response: ServerResponse): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(content))
  }

test('page commands: the input is sent as JSON with the header of the page, and the output is returned', async () => {
  const { requests, bridge } = await servePage({
    'POST /api/commands/restoreDirectory': answer(200, { output: { path: '/srv/ada/restored' } }),
  })
  expect(await bridge.call('restoreDirectory', {})).toEqual({ path: '/srv/ada/restored' })
  expect(requests).toMatchObject([
    { body: '{}', headers: { 'x-holdfast': '1', 'content-type': 'application/json' } },
  ])
})

test('page commands: a refusal is its sentence; only the end of the session signs out', async () => {
  const refusal = message('web.viewer')
  const { server, signedOut, bridge } = await servePage({
    'POST /api/commands/checkNow': answer(403, { sentence: refusal }),
    'POST /api/commands/resume': (response) => response.writeHead(502).end('<html>'),
    'POST /api/commands/log': answer(401, { sentence: signIn }),
  })
  await expect(bridge.call('checkNow', {})).rejects.toEqual(refusal)
  await expect(bridge.call('resume', {})).rejects.toMatchObject({ params: { reason: 'HTTP 502' } })
  expect(signedOut).not.toHaveBeenCalled()
  await expect(bridge.call('log', {})).rejects.toEqual(signIn)
  server.close()
  server.closeAllConnections()
  await expect(bridge.call('checkNow', {})).rejects.toEqual(message('page.interrupted'))
  expect(signedOut.mock.calls).toEqual([[signIn]])
})

test('page session: a missing one and a wrong token are no end of a session', async () => {
  const wrong = message('web.wrongToken')
  const { requests, signedOut, pageServer } = await servePage({
    'GET /api/session': answer(401, { sentence: signIn }),
    'POST /api/session': answer(401, { sentence: wrong }),
    'DELETE /api/session': answer(200, { output: {} }),
  })
  expect(await pageServer.getSession()).toBeNull()
  await expect(pageServer.signIn('abc')).rejects.toEqual(wrong)
  await pageServer.signOut()
  expect(signedOut).not.toHaveBeenCalled()
  expect(requests.map(({ body }) => body)).toEqual(['', '{"token":"abc"}', ''])
  const other = await servePage({ 'GET /api/session': answer(200, { output: session }) })
  expect(await other.pageServer.getSession()).toEqual(session)
})

test('page events: patches arrive; each interruption and further connection makes the state stale, the first one does not', async () => {
  const open: ServerResponse[] = []
  let isRefused = true
  const { server, bridge } = await servePage({
    'GET /api/events': (response) => {
      if (isRefused) return answer(503, { sentence: message('web.busy') })(response)
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('retry: 20\n\n')
      open.push(response)
    },
  })
  const patches: StatePatch[] = []
  const stale = vi.fn()
  const ends = [bridge.on('patch', (patch) => patches.push(patch)), bridge.on('stale', stale)]
  // A refused stream is requested again.
  await until('the refusal', () => stale.mock.calls.length === 1)
  isRefused = false
  const first = await until('the stream', () => open.shift())
  await until('the connection', () => stale.mock.calls.length === 2)
  const patch = { base: 1, revision: 2, changes: { rate: 3 } }
  first.write(`event: patch\ndata: ${JSON.stringify(patch)}\n\n`)
  await until('the patch', () => patches.length === 1)
  expect(patches).toEqual([patch])
  first.end()
  await until('the next stream', () => open.shift())
  await until('both calls', () => stale.mock.calls.length === 4)
  for (const end of ends) end()
  const connections = () =>
    new Promise<number>((resolve) => server.getConnections((_, count) => resolve(count)))
  await until('the stream to be closed', async () => (await connections()) === 0)
})

test('page events: the first connection requests no second snapshot, as its first patch has the revision', async () => {
  const { bridge } = await servePage({
    'GET /api/events': (response) =>
      response
        .writeHead(200, { 'content-type': 'text/event-stream' })
        .write('event: patch\ndata: {"base":3,"revision":3,"changes":{}}\n\n'),
  })
  const patches: StatePatch[] = []
  const stale = vi.fn()
  const ends = [bridge.on('patch', (patch) => patches.push(patch)), bridge.on('stale', stale)]
  await until('the first patch', () => patches.length === 1)
  expect(stale).not.toHaveBeenCalled()
  for (const end of ends) end()
})

test('page dialogs: a chosen folder is added, and a cancelled dialog adds none', async () => {
  const { requests, host, bridge } = await servePage({
    'POST /api/commands/addSource': answer(200, { output: {} }),
    'POST /api/commands/addCheckedPath': answer(200, { output: {} }),
  })
  await bridge.call('chooseSource', {})
  await bridge.call('chooseCheckedPath', {})
  expect(await bridge.call('choosePath', { what: 'directory' })).toEqual({ path: '/srv/ada/photos' })
  host.chooseFolder.mockResolvedValue(null)
  await bridge.call('chooseSource', {})
  expect(requests.map(({ route, body }) => [route, body])).toEqual([
    ['POST /api/commands/addSource', '{"path":"/srv/ada/photos"}'],
    ['POST /api/commands/addCheckedPath', '{"path":"/srv/ada/photos"}'],
  ])
})

test('page files: settings, keys and diagnostics are downloads, and imported settings are sent as text', async () => {
  const read = { file: 'mine.json', settings: {}, differences: [], missing: [] }
  const { requests, host, bridge } = await servePage({
    'POST /api/commands/settingsText': answer(200, { output: { text: '{}\n' } }),
    'POST /api/commands/readSettingsText': answer(200, { output: read }),
    'GET /api/diagnostics': (response) => response.writeHead(200).end('zip'),
  })
  await bridge.call('exportSettings', {})
  await bridge.call('saveKey', { identity: 'AGE-SECRET-KEY-1' })
  await bridge.call('saveDiagnostics', {})
  const downloads = host.download.mock.calls.map(async ([name, content]) => [name, await content.text()])
  expect(await Promise.all(downloads)).toEqual([
    ['holdfast-settings.json', '{}\n'],
    ['holdfast-key.txt', 'AGE-SECRET-KEY-1\n'],
    ['holdfast-diagnostics.zip', 'zip'],
  ])
  expect(await bridge.call('readSettings', {})).toBeNull()
  host.chooseFile.mockResolvedValue(new File(['{"a":1}'], 'mine.json'))
  expect(await bridge.call('readSettings', {})).toEqual(read)
  expect(requests.at(-1)?.body).toBe(JSON.stringify({ file: 'mine.json', text: '{"a":1}' }))
})

test('page manifests: the browser saves each file of the answer, and the page gets the numbers', async () => {
  const result = { files: 2, bytes: 10, leftOut: 1, damaged: 0, notDurable: 0 }
  const texts = [{ name: 'sha256sums.txt', text: 'lines' }]
  const { requests, host, bridge } = await servePage({
    'POST /api/commands/manifest': answer(200, { output: { ...result, texts } }),
  })
  const made = await bridge.call('saveManifest', { id: 's', form: 'sha256sum' })
  expect(made).toEqual({ ...result, path: null })
  expect(requests.map(({ body }) => body)).toEqual([JSON.stringify({ id: 's', form: 'sha256sum' })])
  expect(host.download.mock.calls.map(([name]) => name)).toEqual(['sha256sums.txt'])
  expect(await host.download.mock.calls[0]?.[1].text()).toBe('lines')
})

test('page reports: the browser saves a report as CSV, and as HTML in the language of the page', async () => {
  const report = sampleReport()
  const { requests, host, bridge } = await servePage({
    'POST /api/commands/report': answer(200, { output: { report, months: [], weeks: [] } }),
  })
  vi.stubGlobal('document', { documentElement: { lang: 'zh-TW' } })
  onTestFinished(() => void vi.unstubAllGlobals())
  for (const format of ['csv', 'html'] as const)
    expect(await bridge.call('saveReport', { period: '2026-10', format })).toEqual({ path: null })
  expect(requests.map(({ body }) => body)).toEqual(Array(2).fill(JSON.stringify({ period: '2026-10' })))
  const [csv, html] = await Promise.all(
    host.download.mock.calls.map(async ([name, content]) => ({
      name,
      bytes: Buffer.from(await content.arrayBuffer()),
    })),
  )
  expect(csv?.name).toBe('holdfast-2026-10.csv')
  // A spreadsheet recognizes UTF-8 by this mark.
  expect(csv?.bytes.subarray(0, 6).toString('hex')).toBe(`efbbbf${Buffer.from('row').toString('hex')}`)
  expect(html?.name).toBe('holdfast-2026-10.html')
  expect(html?.bytes.toString()).toContain('<html lang="zh-TW">')
})
