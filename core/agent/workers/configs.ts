import { isDeepStrictEqual } from 'node:util'
import { type checkerDefinition, type ProbeKind, probeKinds } from '../../check/checker-messages.ts'
import type { ConfigOf } from '../../lib/workers/definition.ts'
import type { scannerDefinition } from '../../scan/scanner-messages.ts'
import type { OwnStatus, RemovalRule, senderDefinition } from '../../send/sender-messages.ts'
import type { DataLayout } from '../../settings/data-directory.ts'
import type { Destination } from '../../settings/destination-schema.ts'
import { destinationIds, destinationsOf, embeddedDestination } from '../../settings/destinations.ts'
import { type Settings, type Source, sourceFiltersSchema } from '../../settings/schema.ts'
import type { Secrets } from '../../settings/secrets.ts'
import { storeLayout } from '../../store/layout.ts'
import type { AppState } from '../state/schema.ts'

export type KnownMounts = ConfigOf<typeof checkerDefinition>['knownMounts']

const ownDirectory = (folder: string): string => storeLayout(folder).own

/** Pure translations of the settings into what each worker has to know. */
export function checkerConfig(
  settings: Settings,
  layout: DataLayout,
  knownMounts: KnownMounts,
): ConfigOf<typeof checkerDefinition> {
  const readOnly: ProbeKind[] = ['mount', 'read']
  const paths = [...settings.sources, ...settings.checkedPaths].map(({ id, path, link, write }) => ({
    id,
    path,
    ...(link !== null && { link }),
    probes: write ? [...probeKinds] : readOnly,
  }))
  // Holdfast's own directory in it: while the disk is away nothing is written to what is underneath.
  const folders = settings.destinations.flatMap((one) =>
    one.kind === 'folder' ? [{ id: one.id, path: ownDirectory(one.path), probes: [...probeKinds] }] : [],
  )
  return {
    intervalSeconds: settings.check.intervalSeconds,
    timeoutSeconds: null,
    slowSeconds: settings.check.slowSeconds,
    historyPath: layout.history,
    paths: [...paths, ...folders],
    knownMounts,
  }
}

export function scannerConfig(settings: Settings, layout: DataLayout): ConfigOf<typeof scannerDefinition> {
  return {
    // The share of the line is the sender's matter alone: another one makes no source be compared anew.
    sources: settings.sources.map((source) => ({
      ...source,
      priority: 'normal',
      destinations: destinationIds(settings, source),
    })),
    ledgerPath: layout.ledger,
    destinations: destinationIds(settings, { destinations: null }),
    reconcileSeconds: settings.scan.reconcileSeconds,
    quietSeconds: settings.scan.quietSeconds,
  }
}

/** What a sender's configuration hangs on besides the settings. */
export interface SendersNow {
  computerName: string
  /** The surroundings say that nothing is to be sent now, or have not been asked yet. */
  isHeld: boolean
  /** Of destinations, by their ids. */
  secrets: Secrets
  /** Ids of the destinations that are connected. */
  connected: ReadonlySet<string>
  /** Ids of those that are on other computers, as a connection has shown. */
  elsewhere: ReadonlySet<string>
  /** Ids of those that have something to send now: they share the line. */
  busy: ReadonlySet<string>
  /** What receivers are told of this computer. */
  status: OwnStatus
}

/** Which destinations are connected, which of those have something to send, and which are on other computers. */
export function destinationsNow(
  destinations: AppState['destinations'],
): Pick<SendersNow, 'connected' | 'busy' | 'elsewhere'> {
  const connected = destinations.filter(({ connection }) => connection.state === 'connected')
  const busy = connected.filter(({ totals }) => totals.waitingFiles > 0)
  const idsOf = (some: typeof connected) => new Set(some.map(({ id }) => id))
  return {
    connected: idsOf(connected),
    busy: idsOf(busy),
    elsewhere: idsOf(destinations.filter((one) => one.elsewhere && one.connection.toItself === false)),
  }
}

/** Whether the senders have to hear of a change. One that is alone shares the line with nobody. */
export function concernsSenders(before: AppState['destinations'], after: AppState['destinations']): boolean {
  const [was, is] = [destinationsNow(before), destinationsNow(after)]
  return after.length === 1 ? !isDeepStrictEqual(was.elsewhere, is.elsewhere) : !isDeepStrictEqual(was, is)
}

/** What the sender of each destination has to know, by the destination's id; without any, that of the folder here. */
export function senderConfigs(
  settings: Settings,
  layout: DataLayout,
  now: SendersNow,
): Map<string, ConfigOf<typeof senderDefinition>> {
  const own = embeddedDestination(layout, now.computerName)
  const all = settings.destinations.length === 0 ? [own] : settings.destinations
  return new Map(all.map((one) => [one.id, senderConfig(settings, layout, one, now)]))
}

function senderConfig(
  settings: Settings,
  layout: DataLayout,
  destination: Destination,
  now: SendersNow,
): ConfigOf<typeof senderDefinition> {
  const { id } = destination
  const going = settings.sources.filter((source) => destinationIds(settings, source).includes(id))
  // One that has nothing to send now may have something the next moment.
  const shares = now.busy.has(id) ? now.busy.size : now.busy.size + 1
  return {
    identityDirectory: layout.identity,
    ledgerPath: layout.ledger,
    destination,
    secrets: now.secrets[id] ?? {},
    sources: going.map((source) => ({
      id: source.id,
      path: source.path,
      name: source.name,
      groupWriteMark: source.kind === 'batch',
      paused: source.paused,
      filters: sourceFiltersSchema.parse(source),
      priority: source.priority,
      alsoTo: destinationIds(settings, source).filter((one) => one !== id),
      ...(source.deleteAfter !== null && mayRemove(settings, source, now)
        ? { removal: removalOf(source, source.deleteAfter) }
        : {}),
    })),
    known: settings.sources.map((source) => source.id),
    paused: settings.pause !== null || now.isHeld,
    retrySeconds: settings.send.retrySeconds,
    versionsPerHour: settings.send.versionsPerHour,
    keep: settings.keep,
    limit: { bytesPerSecond: settings.send.bytesPerSecond, schedule: settings.send.schedule, shares },
    status: now.status,
  }
}

/**
 * A copy on this very computer is no reason to delete anything: one destination at least must be elsewhere. With
 * several all have to be there, as each is asked for a proof, and none should read its copies for nothing.
 */
function mayRemove(settings: Settings, source: Source, { connected, elsewhere }: SendersNow): boolean {
  const all = destinationsOf(settings.destinations, source)
  const isElsewhere = all.some(({ id }) => elsewhere.has(id))
  return isElsewhere && (all.length === 1 || all.every(({ id }) => connected.has(id)))
}

/** Marks are never removed, and of a batch nothing before all of it is sent. */
function removalOf({ kind, batch }: Source, { hours }: NonNullable<Source['deleteAfter']>): RemovalRule {
  const afterMs = hours * 3_600_000
  if (kind === 'continuous') return { afterMs, marks: [], sentMark: null }
  return { afterMs, marks: [batch.closedMark, batch.sentMark], sentMark: batch.sentMark }
}
