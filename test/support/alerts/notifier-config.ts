import { randomUUID } from 'node:crypto'
import type { ChannelType } from '../../../core/alerts/channels/catalog.ts'
import type { Incident, Notice } from '../../../core/alerts/incident.ts'
import type { NotifierConfig } from '../../../core/alerts/notifier.ts'
import { type ChannelSettings, channelSchema } from '../../../core/alerts/settings.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { workerScript } from '../cli/command-script.ts'

// What a notifier is given; also of a process of its own, so without vitest.

export const STORE_THREAD = workerScript('alert-store-thread')

/** Channels by their ids, all of which talk to this origin, and what is another thing of them. */
export type Wanted = Record<
  string,
  Partial<Omit<ChannelSettings, 'id' | 'type'>> & { type?: 'webhook' | 'line-notify' | 'line' }
>

/** A configuration with the path of the database. */
export interface StoredConfig extends NotifierConfig {
  file: string
}

/** No file: it has one of its own. A webhook posts to `/ID`, LINE Notify to `/ID/api/notify`, LINE to `/ID/v2/bot/message/push`. */
export function notifierConfig(
  origin: string,
  wanted: Wanted,
  changes: Partial<StoredConfig> = {},
): StoredConfig {
  const channels = Object.entries(wanted).map(([id, { type = 'webhook', ...rest }]) =>
    channelSchema.parse({ id, name: `Channel ${id}`, type, options: optionsFor(type, origin, id), ...rest }),
  )
  const getSecrets = ({ id, type }: ChannelSettings): Record<string, string> =>
    type === 'webhook' ? { url: `${origin}/${id}` } : { token: `token-of-${id}` }
  return {
    file: '',
    language: 'en',
    computer: 'lab-3',
    names: {},
    labels: { project: 'P-12', resource: 'vm-7' },
    quietHours: null,
    native: false,
    channels,
    secrets: Object.fromEntries(channels.map((one) => [one.id, getSecrets(one)])),
    failing: null,
    ...changes,
  }
}

function optionsFor(type: ChannelType, origin: string, id: string): Record<string, string> {
  if (type === 'line') return { to: 'U123', endpoint: `${origin}/${id}` }
  return type === 'line-notify' ? { endpoint: `${origin}/${id}/api/notify` } : {}
}

/** A path that has just become read-only. */
export function createIncident(id: string, changes: Partial<Incident> = {}): Incident {
  const path = `/data/${id}`
  const sentence = message('check.readOnly', { path, step: 'create', code: 'EROFS' })
  const now = Date.now()
  return {
    id,
    kind: 'read-only',
    group: path,
    isOwn: false,
    paths: { [id]: path },
    failing: { [id]: sentence },
    sources: [id],
    sentence,
    step: 'touch',
    startedAt: now,
    noticedAt: now,
    endedAt: null,
    told: true,
    isSilent: false,
    repeats: 0,
    acknowledged: null,
    snoozedUntil: null,
    ...changes,
  }
}

/** A decision that only starts, changes or ends incidents, or only notifies. */
export const recording = (incidents: readonly Incident[]) => ({ policy: null, incidents, notices: [] })
export const telling = (notices: readonly Notice[]) => ({ policy: null, incidents: [], notices })

export function createNotice(
  what: Notice['what'],
  incident: Incident,
  changes: Partial<Notice> = {},
): Notice {
  const at = Date.now()
  const isEnd = what === 'recovered' || what === 'over' || what === 'summary'
  return {
    id: randomUUID(),
    what,
    about: incident.id,
    incident: isEnd ? { ...incident, endedAt: incident.endedAt ?? at, failing: {} } : incident,
    times: 1,
    at,
    ...changes,
  }
}
