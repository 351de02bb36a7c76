import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Registry } from 'prom-client'
import { formatAddress } from '../../lib/i18n/formats.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { englishWords } from '../../lib/i18n/words.ts'
import { errorCode } from '../../platform/system-error.ts'
import type { Floor } from '../../store/quota/admission.ts'
import type { Receiver } from '../receiver.ts'
import type { SenderState } from '../senders/last-seen.ts'
import { findProblems, type StoreProbe, type StoreProbeResult } from './health.ts'

/** Loopback only, because the pages have no password. */
const LOOPBACK = '127.0.0.1'
const MAX_CONNECTIONS = 32
const REQUEST_WITHIN_MS = 5_000
const OK = 200
const UNAVAILABLE = 503
/** Enough to distinguish senders; "holdfast senders" lists their names. */
const SHOWN_DIGITS = 16
/** Upper bounds of the latency buckets, from a disk with a battery-backed cache to one that hangs. */
const LATENCY_SECONDS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100]

interface Page {
  status: number
  type: string
  body: string
}

/**
 * Serves the receiver's pages, `/metrics` and `/health`, on loopback.
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

/** Returns the receiver's pages. */
export function createPages(
  receiver: Receiver,
  probeStore: StoreProbe,
  metrics: Metrics,
  floor: Floor,
): Record<string, () => Promise<Page>> {
  const check = async () => {
    const found = await probeStore()
    const problems = findProblems(found, receiver, floor)
    return { found, problems, healthy: problems.length === 0 }
  }
  return {
    '/metrics': async () => {
      const { found, healthy } = await check()
      return { status: OK, type: metrics.contentType, body: await metrics.page(receiver, found, healthy) }
    },
    '/health': async () => {
      const { found, problems, healthy } = await check()
      const body = {
        healthy,
        problems: problems.map(englishWords),
        freeBytes: found === 'unanswered' ? null : found.free,
        stalledSeconds: Math.round(receiver.stalledMs / 1000),
      }
      return {
        status: healthy ? OK : UNAVAILABLE,
        type: 'application/json; charset=utf-8',
        body: `${JSON.stringify(body)}\n`,
      }
    },
  }
}

type Metrics = Awaited<ReturnType<typeof createMetrics>>

/** Creates the metrics. Loads the library only when metrics are enabled. */
export async function createMetrics() {
  const { Counter, Gauge, Histogram, Registry } = await import('prom-client')
  const registry = new Registry()
  const named = namedIn(registry)
  const files = new Counter(named('received_files_total', 'Files that became durable.'))
  const bytes = new Counter(named('received_bytes_total', 'Bytes of the files that became durable.'))
  const refusedConnections = new Counter({
    ...named('refused_connections_total', 'Connections that were refused, by reason.'),
    labelNames: ['reason'],
  })
  const refusedFiles = new Counter({
    ...named('refused_files_total', 'Files that were not stored, by status.'),
    labelNames: ['status'],
  })
  const connections = new Gauge({
    ...named('connections', 'Open connections of those that may send.'),
    labelNames: ['wire'],
  })
  const stalled = new Gauge(
    named('store_stalled_seconds', "How long the store's disk has left its oldest call unanswered."),
  )
  const free = new Gauge(named('store_free_bytes', "Free bytes of the store's file system."))
  const size = new Gauge(named('store_size_bytes', "Size of the store's file system."))
  const healthy = new Gauge(named('healthy', '1 if /health says so, else 0.'))
  const showSenders = senderGauges(Gauge, named)
  const latency = new Histogram({
    ...named('commit_seconds', "From a file's last byte to its being durable."),
    buckets: LATENCY_SECONDS,
  })

  return {
    contentType: registry.contentType,
    onDurable: (seconds: number) => latency.observe(seconds),
    /** Returns the page in Prometheus' text format: numbers only, without names of files, computers or people. */
    async page(receiver: Receiver, probed: StoreProbeResult | 'unanswered', isHealthy: boolean) {
      const { counters } = receiver
      // The receiver counts; the counters here only export its values.
      for (const counter of [files, bytes, refusedConnections, refusedFiles]) counter.reset()
      files.inc(counters.receivedFiles)
      bytes.inc(counters.receivedBytes)
      for (const [reason, count] of counters.refusedConnections) refusedConnections.inc({ reason }, count)
      for (const [status, count] of counters.refusedFiles) refusedFiles.inc({ status }, count)
      connections.set({ wire: 'holdfast' }, receiver.connections.senders)
      connections.set({ wire: 'isocket' }, receiver.connections.isocket)
      stalled.set(receiver.stalledMs / 1000)
      // An unknown value is exported as NaN, not as the last known one.
      const known = probed === 'unanswered' ? null : probed
      free.set(known?.free ?? Number.NaN)
      size.set(known?.size ?? Number.NaN)
      healthy.set(isHealthy ? 1 : 0)
      showSenders(receiver.senderStates())
      return registry.metrics()
    },
  }
}

/** Creates the gauges of each sender. */
function senderGauges(Gauge: typeof import('prom-client').Gauge, named: ReturnType<typeof namedIn>) {
  const lastSeen = new Gauge({
    ...named('sender_last_seen_timestamp_seconds', 'When a sender was last connected, by its fingerprint.'),
    labelNames: ['fingerprint'],
  })
  const status = new Gauge({
    ...named('sender_status', '1 for the level that a sender last said it is at, by its fingerprint.'),
    labelNames: ['fingerprint', 'level'],
  })
  const oldestWaiting = new Gauge({
    ...named(
      'sender_oldest_waiting_timestamp_seconds',
      'When the oldest file that waits at a sender was modified, as it last said, by its fingerprint.',
    ),
    labelNames: ['fingerprint'],
  })
  return (senders: readonly SenderState[]) => {
    for (const gauge of [lastSeen, status, oldestWaiting]) gauge.reset()
    for (const sender of senders) {
      const fingerprint = sender.fingerprint.slice(0, SHOWN_DIGITS)
      if (sender.seenAt !== null) lastSeen.set({ fingerprint }, sender.seenAt / 1000)
      if (sender.status === null) continue
      const { level, oldestWaitingAt } = sender.status
      status.set({ fingerprint, level }, 1)
      if (oldestWaitingAt !== null) oldestWaiting.set({ fingerprint }, oldestWaitingAt / 1000)
    }
  }
}

const namedIn = (registry: Registry) => (name: string, help: string) => {
  return { name: `holdfast_receiver_${name}`, help, registers: [registry] }
}
