import type { Checked, checkerDefinition } from '../check/messages.ts'
import { type ProbeKind, probeKinds } from '../check/messages.ts'
import type { receiverDefinition } from '../receive/messages.ts'
import type { scannerDefinition } from '../scan/messages.ts'
import type { RemovalRule, senderDefinition } from '../send/messages.ts'
import type { DataLayout } from '../settings/data-directory.ts'
import type { ReceiverDestination, Settings, Source } from '../settings/schema.ts'
import { sourceFiltersSchema } from '../settings/schema.ts'
import type { ConfigOf, ReportOf } from '../worker/definition.ts'
import { isThisComputer } from './initial-state.ts'

/** What the ledger calls the receiver that runs on this computer. */
export const EMBEDDED_DESTINATION = 'embedded'

export type KnownMounts = ConfigOf<typeof checkerDefinition>['knownMounts']

/** Pure translations of the settings into what each worker has to know. */
export function checkerConfig(
  settings: Settings,
  layout: DataLayout,
  knownMounts: KnownMounts,
): ConfigOf<typeof checkerDefinition> {
  const readOnly: ProbeKind[] = ['mount', 'read']
  const paths = [
    ...settings.sources.map(({ id, path }) => ({ id, path, probes: [...probeKinds] })),
    ...settings.checkedPaths.map(({ id, path, write }) => ({
      id,
      path,
      probes: write ? [...probeKinds] : readOnly,
    })),
  ]
  return {
    intervalSeconds: settings.check.intervalSeconds,
    timeoutSeconds: null,
    slowSeconds: settings.check.slowSeconds,
    historyPath: layout.history,
    paths,
    knownMounts,
  }
}

/** The mounts to remember: what the checker last knew, which stays while a disk is away. */
export function rememberMount(known: KnownMounts, checked: Checked): KnownMounts {
  const { id, mount, readOnlyByIntent } = checked
  if (mount === null) return known
  const before = known[id]
  const isSame =
    before?.readOnlyByIntent === readOnlyByIntent &&
    before.mount.point === mount.point &&
    before.mount.device === mount.device &&
    before.mount.type === mount.type &&
    before.mount.source === mount.source
  return isSame ? known : { ...known, [id]: { mount, readOnlyByIntent } }
}

export function scannerConfig(settings: Settings, layout: DataLayout): ConfigOf<typeof scannerDefinition> {
  return {
    // The share of the line is the sender's matter alone: another one makes no source be compared anew.
    sources: settings.sources.map((source) => ({ ...source, priority: 'normal' })),
    ledgerPath: layout.ledger,
    destination: settings.destination?.id ?? EMBEDDED_DESTINATION,
    reconcileSeconds: settings.scan.reconcileSeconds,
    quietSeconds: settings.scan.quietSeconds,
  }
}

export function senderConfig(
  settings: Settings,
  layout: DataLayout,
  embedded: ReportOf<typeof receiverDefinition> | null,
  computerName: string,
): ConfigOf<typeof senderDefinition> {
  // A copy on this very computer is no reason to delete anything.
  const isElsewhere = settings.destination !== null && !isThisComputer(settings.destination.host)
  return {
    identityDirectory: layout.identity,
    ledgerPath: layout.ledger,
    destination: settings.destination ?? embeddedDestination(embedded, computerName),
    sources: settings.sources.map((source) => ({
      id: source.id,
      path: source.path,
      name: source.name,
      groupWriteMark: source.kind === 'batch',
      paused: source.paused,
      filters: sourceFiltersSchema.parse(source),
      priority: source.priority,
      ...(isElsewhere && source.deleteAfter !== null
        ? { removal: removalOf(source, source.deleteAfter) }
        : {}),
    })),
    paused: settings.pause !== null,
    retrySeconds: settings.send.retrySeconds,
    limit: { bytesPerSecond: settings.send.bytesPerSecond, schedule: settings.send.schedule },
  }
}

/** Marks are never removed, and of a batch nothing before all of it is sent. */
function removalOf({ kind, batch }: Source, { hours }: NonNullable<Source['deleteAfter']>): RemovalRule {
  const afterMs = hours * 3_600_000
  if (kind === 'continuous') return { afterMs, marks: [], sentMark: null }
  return { afterMs, marks: [batch.closedMark, batch.sentMark], sentMark: batch.sentMark }
}

function embeddedDestination(
  report: ReportOf<typeof receiverDefinition> | null,
  name: string,
): ReceiverDestination | null {
  if (report === null) return null
  const { port, fingerprint } = report
  return { id: EMBEDDED_DESTINATION, name, host: '127.0.0.1', port, fingerprint }
}

export function embeddedReceiverConfig(
  layout: DataLayout,
  computerName: string,
  senderFingerprint: string,
): ConfigOf<typeof receiverDefinition> {
  return {
    storeDirectory: layout.store,
    host: '127.0.0.1',
    port: 0,
    name: computerName,
    trusted: [{ fingerprint: senderFingerprint, name: computerName }],
  }
}
