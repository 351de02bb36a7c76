import { AggregatorRegistry, Gauge, Registry } from 'prom-client'
import { incidentKinds } from '../../alerts/kinds.ts'
import { getDiskHealth } from '../../check/health/disk-health.ts'
import { DELAY_SECONDS } from '../../send/sender-messages.ts'
import type { SenderMetrics } from '../parts/destinations/senders.ts'
import { type AppState, statusLevels } from '../state/schema.ts'

/** Verdicts of a path that can be used. */
const USABLE: readonly string[] = ['ok', 'slow']

/** Creates the metrics of an agent, in Prometheus' text format; they are computed from the state on request. */
export function createMetrics() {
  const registry = new Registry()
  const gauge = <L extends string>(name: string, help: string, labelNames: L[] = []) =>
    new Gauge<L>({ name: `holdfast_agent_${name}`, help, labelNames, registers: [registry] })
  const status = gauge('status', "1 for the icon's present level, 0 for the others.", ['level'])
  const incidents = gauge('incidents', 'Ongoing incidents, by kind.', ['kind'])
  const restarts = gauge('worker_restarts', 'Restarts of a worker process since its start.', ['worker'])
  const connected = gauge('destination_connected', '1 if the destination is connected.', ['destination'])
  const waiting = gauge('waiting_files', 'Files that wait for a destination.', ['destination'])
  const waitingBytes = gauge('waiting_bytes', 'Bytes that wait for a destination.', ['destination'])
  const oldest = gauge(
    'oldest_waiting_timestamp_seconds',
    'When the oldest file that waits for a destination was modified.',
    ['destination'],
  )
  const parked = gauge('given_up_files', 'Files whose sending was given up.', ['destination'])
  const damaged = gauge('damaged_files', 'Files that a destination has damaged or lost.', ['destination'])
  const rate = gauge('send_bytes_per_second', 'Present rate of sending.', ['destination'])
  const sent = gauge('source_sent_files', 'Files here that all destinations have.', ['source'])
  const deleted = gauge('source_deleted_files', 'Sent files that were deleted here.', ['source'])
  const lastFile = gauge(
    'source_last_file_timestamp_seconds',
    'When the newest file was written or got its name here.',
    ['source'],
  )
  const usable = gauge('path_usable', '1 if the last check found the path usable.', ['path'])
  const delay = gauge('path_read_seconds', 'Read delay of the last check; NaN: it failed.', ['path'])
  const sound = gauge('disk_sound', '1 if the disk reports no finding, 0 if it does; NaN: not readable.', [
    'disk',
  ])
  const checkedAt = gauge('path_checked_timestamp_seconds', 'When the path was last checked.', ['path'])

  const sentBytes = gauge('source_sent_bytes', 'Bytes of the files here that all destinations have.', [
    'source',
  ])

  const showDestinations = ({ destinations }: AppState, senders: SenderMetrics) => {
    for (const { id, name, kind, connection, totals, rate: now, damaged: broken } of destinations) {
      const destination = kind === 'embedded' ? kind : name
      const oldestAt = senders[id]?.oldestWaitingAt ?? null
      if (oldestAt !== null) oldest.set({ destination }, oldestAt / 1000)
      connected.set({ destination }, connection.state === 'connected' ? 1 : 0)
      waiting.set({ destination }, totals.waitingFiles)
      waitingBytes.set({ destination }, totals.waitingBytes)
      parked.set({ destination }, totals.parkedFiles)
      damaged.set({ destination }, broken?.files ?? 0)
      rate.set({ destination }, now)
    }
  }
  const showPaths = ({ sources, checkedPaths }: AppState) => {
    for (const { settings, totals, lastFile: last } of sources) {
      const source = settings.name
      sent.set({ source }, totals.sentFiles)
      sentBytes.set({ source }, totals.sentBytes)
      deleted.set({ source }, totals.deletedFiles)
      if (last !== null) lastFile.set({ source }, last.at / 1000)
    }
    const paths = [
      ...sources.map(({ settings, checked }) => ({ path: settings.path, checked })),
      ...checkedPaths,
    ]
    for (const { path, checked } of paths) {
      if (checked === null) continue
      usable.set({ path }, USABLE.includes(checked.overall.kind) ? 1 : 0)
      delay.set({ path }, checked.delayMs === null ? Number.NaN : checked.delayMs / 1000)
      checkedAt.set({ path }, checked.at / 1000)
    }
  }
  const showDisks = ({ disks, settings }: AppState) => {
    const values = { ok: 1, attention: 0, unknown: Number.NaN }
    for (const facts of disks.all)
      sound.set({ disk: facts.name }, values[getDiskHealth(facts, settings.acceptedDisks)])
  }
  return {
    contentType: registry.contentType,
    /** Returns the page. Names of sources, destinations and paths are labels. */
    async page(state: AppState, senders: SenderMetrics): Promise<string> {
      // Removed sources, destinations and paths disappear.
      registry.resetMetrics()
      for (const level of statusLevels) status.set({ level }, state.status.level === level ? 1 : 0)
      const ongoing = state.incidents.filter(({ endedAt }) => endedAt === null)
      for (const kind of incidentKinds)
        incidents.set({ kind }, ongoing.filter((one) => one.kind === kind).length)
      for (const [worker, { restarts: count }] of Object.entries(state.workers))
        restarts.set({ worker }, count)
      showDestinations(state, senders)
      showPaths(state)
      showDisks(state)
      const histogram = AggregatorRegistry.aggregate([[describeDelays(state, senders)]])
      return [await registry.metrics(), await histogram.metrics()].join('')
    },
  }
}

/** Returns the delays that the senders have counted as a histogram, in the form of prom-client's own. */
function describeDelays({ destinations }: AppState, senders: SenderMetrics) {
  const name = 'holdfast_agent_durable_seconds'
  const values = destinations.flatMap(({ id, name: ofDestination, kind }) => {
    const { counts, seconds } = senders[id]?.delays ?? { counts: [], seconds: 0 }
    if (counts.length === 0) return []
    const destination = kind === 'embedded' ? kind : ofDestination
    let total = 0
    const buckets = counts.map((count, index) => {
      total += count
      const labels = { destination, le: DELAY_SECONDS[index] ?? '+Inf' }
      return { metricName: `${name}_bucket`, labels, value: total }
    })
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels: { destination }, value: seconds },
      { metricName: `${name}_count`, labels: { destination }, value: total },
    ]
  })
  const help = "From a file's last change to its being durable at a destination, since its sender's start."
  return { name, help, type: 'histogram', aggregator: 'sum', values }
}
