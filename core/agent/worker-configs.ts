import type { Checked, checkerDefinition } from '../check/messages.ts'
import { probeKinds } from '../check/messages.ts'
import type { receiverDefinition } from '../receive/messages.ts'
import type { scannerDefinition } from '../scan/messages.ts'
import type { senderDefinition } from '../send/messages.ts'
import type { DataLayout } from '../settings/data-directory.ts'
import type { ReceiverDestination, Settings } from '../settings/schema.ts'
import type { ConfigOf, ReportOf } from '../worker/definition.ts'

/** What the ledger calls the receiver that runs on this computer. */
export const EMBEDDED_DESTINATION = 'embedded'

export type KnownMounts = ConfigOf<typeof checkerDefinition>['knownMounts']

/** Pure translations of the settings into what each worker has to know. */
export function checkerConfig(
  settings: Settings,
  knownMounts: KnownMounts,
): ConfigOf<typeof checkerDefinition> {
  const paths = [...settings.sources, ...settings.checkedPaths]
  return {
    intervalSeconds: settings.check.intervalSeconds,
    timeoutSeconds: null,
    paths: paths.map(({ id, path }) => ({ id, path, probes: [...probeKinds] })),
    knownMounts,
  }
}

/** The mounts to remember: a path whose disk is away keeps the one that it had. */
export function rememberMount(known: KnownMounts, checked: Checked): KnownMounts {
  if (checked.mount === null || known[checked.id] !== undefined) return known
  return {
    ...known,
    [checked.id]: { mount: checked.mount, readOnlyByIntent: checked.readOnlyByIntent },
  }
}

export function scannerConfig(settings: Settings, layout: DataLayout): ConfigOf<typeof scannerDefinition> {
  return {
    sources: settings.sources,
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
): ConfigOf<typeof senderDefinition> {
  return {
    identityDirectory: layout.identity,
    ledgerPath: layout.ledger,
    destination: settings.destination ?? embeddedDestination(embedded),
    sources: settings.sources.map(({ id, path, name, kind, paused }) => ({
      id,
      path,
      name,
      groupWriteMark: kind === 'batch',
      paused,
    })),
    paused: settings.pause !== null,
    retrySeconds: settings.send.retrySeconds,
  }
}

function embeddedDestination(report: ReportOf<typeof receiverDefinition> | null): ReceiverDestination | null {
  if (report === null) return null
  const { port, fingerprint } = report
  return { id: EMBEDDED_DESTINATION, name: EMBEDDED_DESTINATION, host: '127.0.0.1', port, fingerprint }
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
