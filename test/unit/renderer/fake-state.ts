import { initialState } from '../../../core/agent/state/next-state.ts'
import type {
  AppState,
  CheckedPathState,
  DestinationState,
  SourceState,
} from '../../../core/agent/state/schema.ts'
import { summarize } from '../../../core/agent/state/status.ts'
import { NATIVE } from '../../../core/alerts/channels/catalog.ts'
import type { Incident, NoticeDelivery } from '../../../core/alerts/incident.ts'
import { type AlertsSettings, channelSchema } from '../../../core/alerts/settings.ts'
import { noTotals } from '../../../core/ledger/ledger-messages.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { defaultSettings, sourceSchema } from '../../../core/settings/schema.ts'

/** A state as the agent would give it, with nothing chosen yet, and the failures of these changes. */
export function emptyState(changes: Partial<AppState> = {}): AppState {
  const state: AppState = {
    ...initialState('desktop', '0.1.0', defaultSettings, '/srv/ada/.local/share/holdfast/store'),
    status: { level: 'ok', sentence: message('problem.other', { reason: 'Nothing to do.' }), detail: null },
    surroundings: { battery: 'unasked', metered: 'unasked' },
    destinations: [
      destinationState('embedded', {
        kind: 'embedded',
        name: 'this computer',
        elsewhere: false,
        address: '/srv/ada/.local/share/holdfast/store',
      }),
    ],
    awakeSince: 0,
    channels: [channelState(NATIVE)],
    secretStorage: 'keyring',
    workers: {
      checker: { condition: 'running', restarts: 0, since: Date.now(), pid: 4001 },
      scanner: { condition: 'running', restarts: 0, since: Date.now(), pid: 4002 },
      sender: { condition: 'running', restarts: 0, since: Date.now(), pid: 4003 },
      receiver: { condition: 'running', restarts: 0, since: Date.now(), pid: 4004 },
    },
    settings: defaultSettings,
    ...changes,
  }
  return { ...state, failures: changes.failures ?? summarize(state, Date.now()).failures }
}

/** A receiver on another computer that is connected. */
export function destinationState(id: string, changes: Partial<DestinationState> = {}): DestinationState {
  return {
    id,
    kind: 'receiver',
    name: id,
    elsewhere: true,
    address: `${id}.lan:7766`,
    secrets: [],
    connection: { state: 'connected', since: Date.now(), problem: null },
    totals: noTotals,
    rate: 0,
    left: null,
    worker: { condition: 'running', restarts: 0, since: 0, pid: 4003 },
    ...changes,
  }
}

/** A source that is well: checked just now, watched, with files sent. */
export function sourceState(
  name: string,
  path: string,
  changes: Partial<Omit<SourceState, 'settings'>> & { settings?: Partial<SourceState['settings']> } = {},
): SourceState {
  const { settings, ...rest } = changes
  const id = `source-${name.replace(/[^\w-]/g, '_')}`
  return {
    settings: { ...sourceSchema.parse({ id, path, name }), ...settings },
    checked: checkedState(id, path),
    delays: [4.1, 3.9, 4.4, 5.2, 3.8, 4, 9.5, 4.1, 4.2, 3.7, 4.3, 4.1],
    scanned: { id, phase: 'watching', problems: [], batches: [] },
    destinations: [{ id: 'embedded', totals: noTotals, rate: 0, left: null, reported: true }],
    totals: { ...noTotals, sentFiles: 8120, sentBytes: 45_200_000_000 },
    newest: null,
    lastFile: { path: '2024/IMG_2230.CR3', at: Date.now() - 3000 },
    rate: 0,
    left: null,
    ...rest,
  }
}

type Checked = NonNullable<SourceState['checked']>

export function checkedState(id: string, path: string, changes: Partial<Checked> = {}): Checked {
  const well = {
    kind: 'ok',
    step: null,
    code: null,
    elapsedMs: 4.2,
    sentence: message('problem.other', { reason: `${path} is well.` }),
  } as const
  return {
    id,
    path,
    at: Date.now(),
    overall: well,
    probes: { mount: { ...well, elapsedMs: 0.2 }, read: well, write: { ...well, elapsedMs: 11 } },
    delayMs: 4.2,
    mount: { point: '/mnt/photos', device: '8:17', type: 'ext4', source: '/dev/sdb1' },
    readOnlyByIntent: false,
    soundErrorsCount: null,
    ...changes,
  }
}

export function checkedPath(path: string, changes: Partial<CheckedPathState> = {}): CheckedPathState {
  const id = `path-${path}`
  return { id, path, checked: checkedState(id, path), delays: [1, 1.2, 0.9, 1.1], ...changes }
}

type ChannelState = AppState['channels'][number]
type Channel = AlertsSettings['channels'][number]

/** A channel of which nothing is known but its id. */
export function channelState(id: string, changes: Partial<ChannelState> = {}): ChannelState {
  return {
    id,
    condition: 'unused',
    at: null,
    failingSince: null,
    sentence: null,
    waiting: 0,
    secrets: [],
    ...changes,
  }
}

/** A channel as the settings have it. */
export function channel(id: string, changes: Partial<Channel> = {}): Channel {
  const { type = 'ntfy', options = { topic: 'alerts' }, name = id, ...rest } = changes
  return { ...channelSchema.parse({ id, name, type, options }), ...rest }
}

/** The default settings, but for these of the alerts. */
export function alertsSettings(changes: Partial<AlertsSettings>): AppState['settings'] {
  return { ...defaultSettings, alerts: { ...defaultSettings.alerts, ...changes } }
}

/** A disk that has been read-only for twelve minutes; `paths`: what failed there, by id. */
export function incident(id: string, changes: Partial<Incident> = {}): Incident {
  const { paths = { 'source-Photos': '/mnt/photos' }, ...rest } = changes
  const startedAt = changes.startedAt ?? Date.now() - 12.5 * 60_000
  const sentence = message('incident.read-only', { path: Object.values(paths)[0] ?? '', since: startedAt })
  return {
    id,
    kind: 'read-only',
    group: '/mnt',
    isOwn: false,
    paths,
    failing: Object.fromEntries(Object.keys(paths).map((path) => [path, sentence])),
    sources: Object.keys(paths),
    sentence,
    step: null,
    startedAt,
    noticedAt: startedAt + 3_000,
    endedAt: null,
    told: true,
    isSilent: false,
    repeats: 0,
    acknowledged: null,
    snoozedUntil: null,
    ...rest,
  }
}

/** What was told at once. */
export function delivery(channelName: string, changes: Partial<NoticeDelivery> = {}): NoticeDelivery {
  const at = changes.at ?? Date.now() - 12 * 60_000
  return {
    notice: 'n1',
    what: 'failed',
    channel: channelName,
    channelName,
    state: 'delivered',
    at,
    decidedAt: at + 800,
    attempts: 1,
    reason: null,
    ...changes,
  }
}
