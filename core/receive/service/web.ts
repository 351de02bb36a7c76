import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { formatAddress } from '../../lib/i18n/address.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { englishWords } from '../../lib/i18n/words.ts'
import { errorCode } from '../../platform/system-error.ts'
import type { Floor } from '../../store/quota/rules.ts'
import type { Receiver } from '../receiver.ts'
import { findProblems, type StoreProbe } from './health.ts'
import type { Metrics } from './metrics.ts'

/** Loopback only, because the pages have no password. */
const LOOPBACK = '127.0.0.1'
const MAX_CONNECTIONS = 32
const REQUEST_WITHIN_MS = 5_000

interface Page {
  status: number
  type: string
  body: string
}

/**
 * True if the Host header names this computer. With DNS rebinding, a web page can make a browser on this computer send
 * requests here under the page's own host name, once that resolves to 127.0.0.1. Only names that no other party can own
 * are therefore accepted. The port is not checked, because it may be forwarded.
 */
function isOwnHost(host: string | undefined): boolean {
  return host !== undefined && /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i.test(host)
}

function answer(response: ServerResponse, { status, type, body }: Page): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  response.end(body)
}

const plain = (status: number, text: string): Page => ({
  status,
  type: 'text/plain; charset=utf-8',
  body: `${text}\n`,
})

/**
 * Serves pages on loopback.
 * @param pages by path; each is generated on request.
 * @throws UserError if the port cannot be listened on.
 */
export async function openWeb(port: number, pages: Record<string, () => Promise<Page>>) {
  const findPage = async ({ headers, method, url }: IncomingMessage): Promise<Page> => {
    if (!isOwnHost(headers.host)) return plain(421, 'This host name is not answered here: use 127.0.0.1.')
    if (method !== 'GET' && method !== 'HEAD') return plain(405, 'Only GET and HEAD are answered.')
    const [path = ''] = (url ?? '').split('?')
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined
    return page === undefined ? plain(404, `There is only ${Object.keys(pages).join(' and ')}.`) : page()
  }

  const server = createServer(
    { headersTimeout: REQUEST_WITHIN_MS, requestTimeout: REQUEST_WITHIN_MS, maxHeaderSize: 8 * 1024 },
    (request, response) => {
      findPage(request).then(
        (page) => answer(response, page),
        (error: unknown) => answer(response, plain(500, String(error))),
      )
    },
  )
  server.maxConnections = MAX_CONNECTIONS

  try {
    server.listen({ host: LOOPBACK, port })
    await once(server, 'listening')
  } catch (error) {
    const reason = errorCode(error) ?? String(error)
    throw new UserError('transfer.metricsListenFailed', { address: formatAddress(LOOPBACK, port), reason })
  }
  server.on('error', () => undefined)
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

const OK = 200
const UNAVAILABLE = 503

/** Returns the receiver's pages. */
export function createPages(
  receiver: Receiver,
  looks: StoreProbe,
  metrics: Metrics,
  floor: Floor,
): Record<string, () => Promise<Page>> {
  const health = async (): Promise<Page> => {
    const found = await looks()
    const problems = findProblems(found, receiver, floor).map(englishWords)
    const healthy = problems.length === 0
    const free = found === 'unanswered' ? null : found.free
    const body = { healthy, problems, freeBytes: free, stalledSeconds: Math.round(receiver.stalledMs / 1000) }
    return {
      status: healthy ? OK : UNAVAILABLE,
      type: 'application/json; charset=utf-8',
      body: `${JSON.stringify(body)}\n`,
    }
  }

  return {
    '/metrics': async () => {
      const found = await looks()
      const healthy = findProblems(found, receiver, floor).length === 0
      return { status: OK, type: metrics.contentType, body: await metrics.page(receiver, found, healthy) }
    },
    '/health': health,
  }
}
