import { message } from '../../lib/i18n/message.ts'
import { isThisComputer } from '../../platform/mounts/shares.ts'
import type { Destination } from '../../settings/destination-schema.ts'
import { EMBEDDED_DESTINATION, formatLocation } from '../../settings/destinations.ts'
import type { Settings } from '../../settings/schema.ts'
import type { Secrets } from '../../settings/secrets.ts'
import { receivingState } from '../receiving.ts'
import { noProgress } from './progress.ts'
import type { AppState, DestinationState, WorkerState } from './schema.ts'

export const off: WorkerState = { condition: 'off', restarts: 0, since: 0, pid: null }

/** Returns the state before any worker has reported. */
export function initialState(
  host: AppState['host'],
  version: string,
  settings: Settings,
  storeDirectory: string,
): AppState {
  return {
    version,
    host,
    status: { level: 'starting', sentence: message('status.starting'), detail: null },
    sources: [],
    checkedPaths: [],
    ...noProgress,
    allowance: { now: { kind: 'free' }, until: null },
    surroundings: { battery: 'unsupported', metered: 'unsupported' },
    transfers: [],
    destinations: destinationStates(settings, storeDirectory),
    localCopies: null,
    receiving: receivingState(settings, Date.now()),
    parked: [],
    incidents: [],
    notices: [],
    restore: null,
    awakeSince: Date.now(),
    channels: [],
    secretStorage: 'file',
    workers: { checker: off, scanner: off, sender: off, receiver: off, notifier: off },
    settings,
  }
}

/** Returns the initial states of the configured destinations; without any, that of the folder on this computer. */
export function destinationStates(
  settings: Settings,
  storeDirectory: string,
  secrets: Secrets = {},
): DestinationState[] {
  const connection = { state: 'idle' as const, since: Date.now(), problem: null }
  const unknown = { connection, ...noProgress, worker: off }
  if (settings.destinations.length === 0) {
    const embedded = { id: EMBEDDED_DESTINATION, kind: 'embedded' as const, name: '', elsewhere: false }
    return [{ ...embedded, address: storeDirectory, secrets: [], ...unknown }]
  }
  return settings.destinations.map((destination) => ({
    id: destination.id,
    kind: destination.kind,
    name: destination.name,
    elsewhere: isElsewhere(destination),
    address: formatLocation(destination),
    secrets: Object.keys(secrets[destination.id] ?? {}),
    ...unknown,
  }))
}

/**
 * True if the destination is on another computer, as far as its address shows. For a folder only its disk can show
 * that.
 */
export function isElsewhere(destination: Destination): boolean {
  if (destination.kind === 'folder') return false
  const host = destination.kind === 's3' ? new URL(destination.endpoint).hostname : destination.host
  return !isThisComputer(host)
}
