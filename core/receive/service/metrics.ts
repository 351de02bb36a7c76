import type { Registry } from 'prom-client'
import type { Receiver } from '../receiver.ts'
import type { SenderState } from '../senders/last-seen.ts'
import type { StoreProbeResult } from './health.ts'

/** Enough to distinguish senders; "holdfast stations" lists their names. */
const SHOWN_DIGITS = 16
/** Upper bounds of the latency buckets, from a disk with a battery-backed cache to one that hangs. */
const LATENCY_SECONDS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100]

export type Metrics = Awaited<ReturnType<typeof createMetrics>>

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
  const streams = new Gauge(named('data_streams', 'Further connections of those that send over a long line.'))
  const stalled = new Gauge(
    named('store_stalled_seconds', "How long the store's disk has left its oldest call unanswered."),
  )
  const free = new Gauge(named('store_free_bytes', "Free bytes of the store's file system."))
  const size = new Gauge(named('store_size_bytes', "Size of the store's file system."))
  const healthy = new Gauge(named('healthy', '1 if the store is healthy, else 0.'))
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
      streams.set(receiver.connections.streams)
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
