import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ignoreError } from '../../dropped-errors.ts'
import { formatAddress } from '../../lib/i18n/formats.ts'
import { toSentence, UserError } from '../../lib/i18n/user-error.ts'
import { englishWords } from '../../lib/i18n/words.ts'
import { errorCode } from '../../platform/system-error.ts'
import type { Agent } from '../agent.ts'

// /metrics and /health of `holdfast receive`, for programs of this computer. The window's page is in serve.ts.

/** Loopback only, because the pages have no password. */
const LOOPBACK = '127.0.0.1'
const MAX_CONNECTIONS = 32
const REQUEST_WITHIN_MS = 5_000
const OK = 200
const UNAVAILABLE = 503

interface Page {
  status: number
  type: string
  body: string
}

/**
 * Serves pages for programs of this computer on loopback.
 * @param pages by path; each is generated on request.
 * @throws UserError if the port cannot be listened on.
 */
export async function serveLocalPages(port: number, pages: Record<string, () => Promise<Page>>) {
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
  server.on('error', ignoreError('a connection that is not accepted is tried again by its client'))
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

type Services = Pick<Agent, 'receiver' | 'senders' | 'store'>

/** Returns the pages of an agent that receives. */
export function createLocalPages({
  receiver,
  senders,
  store,
}: Services): Record<string, () => Promise<Page>> {
  const metrics = import('./metrics.ts').then(({ createMetrics }) => createMetrics())
  // From the first question on it measures how long files take.
  const ofReceiver = () => receiver.request('metrics', {})
  void ofReceiver().catch(ignoreError('a receiver that starts again measures from the first question'))
  return {
    '/metrics': async () => {
      const { contentType, page } = await metrics
      const [{ text }, ofSenders] = await Promise.all([ofReceiver(), senders.metrics()])
      return { status: OK, type: contentType, body: `${await page(store.state, ofSenders)}${text}` }
    },
    '/health': async () => {
      const away = (error: unknown) => ({
        problems: [store.state.receiving?.problem ?? toSentence(error)],
        freeBytes: null,
        stalledSeconds: 0,
      })
      const { problems, freeBytes, stalledSeconds } = await receiver.request('health', {}).catch(away)
      const healthy = problems.length === 0
      const body = { healthy, problems: problems.map(englishWords), freeBytes, stalledSeconds }
      return {
        status: healthy ? OK : UNAVAILABLE,
        type: 'application/json; charset=utf-8',
        body: `${JSON.stringify(body)}\n`,
      }
    },
  }
}
