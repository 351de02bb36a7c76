import { isDeepStrictEqual } from 'node:util'
import type { Decision, OwnStatus } from '../../backends/backend-messages.ts'
import { type checkerDefinition, type ProbeKind, probeKinds } from '../../check/checker-messages.ts'
import type { ProxyRoute } from '../../lib/network/proxy.ts'
import type { WorkerConfig } from '../../lib/workers/definition.ts'
import { isWithin } from '../../platform/mounts.ts'
import { identityFile } from '../../protocol/identity.ts'
import type { scannerDefinition } from '../../scan/scanner-messages.ts'
import type { RemovalRule, senderDefinition } from '../../send/sender-messages.ts'
import type { DataLayout } from '../../settings/data-directory.ts'
import { type Destination, type FolderDestination, getSamples } from '../../settings/destination-schema.ts'
import {
  destinationIds,
  EMBEDDED_DESTINATION,
  embeddedDestination,
  getSourceDestinations,
} from '../../settings/destinations.ts'
import { type Settings, type Source, sourceFiltersSchema } from '../../settings/schema.ts'
import type { Secrets } from '../../settings/secret-owner.ts'
import { getSecretsFile } from '../../settings/secrets.ts'
import { sendingSettingsSchema } from '../../settings/worker-groups.ts'
import { storeLayout } from '../../store/layout.ts'
import { getStorePaths } from '../accept-path.ts'
import { isSafe } from '../state/derived.ts'
import type { AppState } from '../state/schema.ts'

export type KnownMounts = WorkerConfig<typeof checkerDefinition>['knownMounts']

/** Returns the directory that identifies a folder destination: Holdfast's own inside it. */
export const getFolderDirectory = ({ path }: Pick<FolderDestination, 'path'>): string => storeLayout(path).own

/** Returns the checker's configuration. */
export function checkerConfig(
  settings: Settings,
  layout: DataLayout,
  knownMounts: KnownMounts,
): WorkerConfig<typeof checkerDefinition> {
  const readOnly: ProbeKind[] = ['mount', 'read']
  const paths = [...settings.sources, ...settings.checkedPaths].map(({ id, path, link, write }) => ({
    id,
    path,
    ...(link !== null && { link }),
    probes: write ? [...probeKinds] : readOnly,
    // Setting the time of a directory inside a source would look to the scanner like a change of its mode.
    ...(write &&
      !settings.sources.some((one) => one.id !== id && isWithin(path, one.path)) && {
        keepsTime: true,
      }),
  }))
  // Checks Holdfast's own directory inside the folder: while the disk is absent, nothing is written to the directory
  // under its mount point.
  const folders = settings.destinations.flatMap((one) =>
    one.kind === 'folder' && one.ejected === undefined
      ? [{ id: one.id, path: getFolderDirectory(one), probes: [...probeKinds] }]
      : [],
  )
  return {
    ...settings.check,
    timeoutSeconds: null,
    historyPath: layout.history,
    paths: [...paths, ...folders],
    knownMounts,
  }
}

/** Returns Holdfast's own directories and key files, which no source contains. */
export function getOwnPaths(settings: Settings, layout: DataLayout): string[] {
  const stores = getStorePaths(settings, layout).map((store) => storeLayout(store))
  const identities = [layout.identity, ...stores.map(({ identity }) => identity)]
  return [
    layout.directory,
    ...identities.flatMap((one) => [one, identityFile(one)]),
    getSecretsFile(layout.directory),
    ...stores.flatMap(({ root, own }) => [root, own]),
  ]
}

export function scannerConfig(
  settings: Settings,
  layout: DataLayout,
): WorkerConfig<typeof scannerDefinition> {
  return {
    // Only senders use the priority and the digests. Fixed values here keep a change of them from starting a new scan.
    sources: settings.sources.map((source) => ({
      ...source,
      priority: 'normal',
      digests: [],
      destinations: destinationIds(settings, source),
    })),
    ledgerPath: layout.ledger,
    destinations: destinationIds(settings, { destinations: null }),
    ...settings.scan,
    own: getOwnPaths(settings, layout),
  }
}

/** The inputs of a sender's configuration besides the settings. */
interface SendersNow {
  computerName: string
  /** Sending must wait for the power supply or the network, or for the first answer about them. */
  isHeld: boolean
  /** Secrets of destinations, by id. */
  secrets: Secrets
  /** null: none. */
  proxy: ProxyRoute | null
  /** Ids of the destinations that are connected. */
  connected: ReadonlySet<string>
  /** Ids of the destinations that are on other computers and keep files through a crash, as a connection has shown. */
  safe: ReadonlySet<string>
  /** Ids of the connected destinations with waiting files, which share the bandwidth. */
  busy: ReadonlySet<string>
  /** This computer's status for receivers. */
  status: OwnStatus
  /** The last decision about settings that a destination proposed; null: it can propose none. */
  findDecision: ((destination: string) => Decision | null) | null
}

/** Returns which destinations are connected, which of those have waiting files, and which are safe: see SendersNow. */
export function destinationsNow(
  destinations: AppState['destinations'],
): Pick<SendersNow, 'connected' | 'busy' | 'safe'> {
  const connected = destinations.filter(({ connection }) => connection.state === 'connected')
  const busy = connected.filter(({ totals }) => totals.waitingFiles > 0)
  const toIds = (some: typeof connected) => new Set(some.map(({ id }) => id))
  return {
    connected: toIds(connected),
    busy: toIds(busy),
    safe: toIds(destinations.filter((one) => isSafe(one) && one.connection.toItself === false)),
  }
}

/** True if the senders need a new configuration. A single sender has all the bandwidth. */
export function concernsSenders(before: AppState['destinations'], after: AppState['destinations']): boolean {
  const [was, is] = [destinationsNow(before), destinationsNow(after)]
  return after.length === 1 ? !isDeepStrictEqual(was.safe, is.safe) : !isDeepStrictEqual(was, is)
}

/**
 * Returns each sender's configuration by destination id; without destinations, that of the folder on this computer.
 */
export function senderConfigs(
  settings: Settings,
  layout: DataLayout,
  now: SendersNow,
): Map<string, WorkerConfig<typeof senderDefinition>> {
  const own = embeddedDestination(layout, now.computerName)
  const all = settings.destinations.length === 0 ? [own] : settings.destinations
  return new Map(all.map((one) => [one.id, senderConfig(settings, layout, one, now)]))
}

function senderConfig(
  settings: Settings,
  layout: DataLayout,
  destination: Destination,
  now: SendersNow,
): WorkerConfig<typeof senderDefinition> {
  const { id } = destination
  const going = settings.sources.filter((source) => destinationIds(settings, source).includes(id))
  // An idle destination may have something to send the next moment.
  const shares = now.busy.has(id) ? now.busy.size : now.busy.size + 1
  return {
    identityDirectory: layout.identity,
    ledgerPath: layout.ledger,
    destination: withoutOwn(destination),
    secrets: now.secrets[id] ?? {},
    ...(now.proxy === null ? {} : { proxy: now.proxy }),
    sources: going.map((source) => ({
      id: source.id,
      path: source.path,
      name: source.name,
      // On Windows every file shows the bit.
      groupWriteMark: source.kind === 'batch' && process.platform !== 'win32',
      paused: source.paused,
      filters: sourceFiltersSchema.parse(source),
      priority: source.priority,
      digests: source.digests,
      alsoTo: destinationIds(settings, source).filter((one) => one !== id),
      ...(source.deleteAfter !== null && mayRemove(settings, source, now)
        ? { removal: buildRemovalRule(source, source.deleteAfter) }
        : {}),
    })),
    known: settings.sources.map((source) => source.id),
    paused: settings.pause !== null || now.isHeld,
    ...sendingSettingsSchema.parse(settings.send),
    keep: settings.keep,
    limit: { bytesPerSecond: settings.send.bytesPerSecond, schedule: settings.send.schedule, shares },
    samples: toProofLimits(destination),
    status: now.status,
    ...(now.findDecision === null || destination.kind !== 'receiver'
      ? {}
      : { proposals: { decided: now.findDecision(id) } }),
  }
}

/** Omits the settings that do not concern the connection: a change of them must not interrupt it. */
function withoutOwn({ samples: _, ...destination }: Destination): Destination {
  if (destination.kind !== 'receiver') return destination
  const { acceptProposals: __, ...receiver } = destination
  return receiver
}

const GIB = 1024 ** 3

/** Returns the samples of a day. The folder on this computer, which is used until there is a destination, has none. */
export function toProofLimits(destination: Destination): { files: number; bytes: number } {
  const { filesPerDay, gibPerDay } = getSamples(destination)
  const files = destination.id === EMBEDDED_DESTINATION ? 0 : filesPerDay
  return { files, bytes: gibPerDay * GIB }
}

/**
 * True if sent files of a source may be deleted. A copy on this computer, or one that a crash of its server may lose,
 * is not enough: at least one destination must be safe. If there are several, all must be connected, because each has
 * to prove its copies and none should read them in vain.
 */
function mayRemove(settings: Settings, source: Source, { connected, safe }: SendersNow): boolean {
  const all = getSourceDestinations(settings.destinations, source)
  const isSafely = all.some(({ id }) => safe.has(id))
  return isSafely && (all.length === 1 || all.every(({ id }) => connected.has(id)))
}

/**
 * Returns the rule for deleting sent files. Marks are never deleted. A batch's files are deleted only after all of it
 * was sent.
 */
function buildRemovalRule(
  { kind, batch }: Source,
  { hours }: NonNullable<Source['deleteAfter']>,
): RemovalRule {
  const afterMs = hours * 3_600_000
  if (kind === 'continuous') return { afterMs, marks: [], sentMark: null }
  return { afterMs, marks: [batch.closedMark, batch.sentMark], sentMark: batch.sentMark }
}
