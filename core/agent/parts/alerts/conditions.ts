import { missingSecrets } from '../../../alerts/channels/catalog.ts'
import { toDeliverySubject } from '../../../alerts/incident.ts'
import { message } from '../../../lib/i18n/message.ts'
import { condition, type FoundCondition, MINUTE_MS, unknown, well } from '../../state/condition.ts'
import type { AppState } from '../../state/schema.ts'

type ChannelState = AppState['channels'][number]

/** A channel that fails for this long is reported, unless it refuses: short failures of networks and servers are normal. */
const CHANNEL_FAILS_MS = 30 * MINUTE_MS

/** Reports channels that lack a secret that they need for sending, and channels that deliver nothing. */
export function channelConditions(
  { settings, channels, awakeSince }: AppState,
  now: number,
): FoundCondition[] {
  return settings.alerts.channels.flatMap((channel): FoundCondition[] => {
    const { id, name, enabled } = channel
    const subject = { id: `channel:${id}`, name, source: null }
    const delivery = { ...subject, id: toDeliverySubject(id) }
    const known = channels.find((one) => one.id === id)
    if (!enabled) return [subject, delivery].flatMap((one) => well(one, now))
    if (known === undefined) return [subject, delivery].flatMap(unknown)
    const [field] = missingSecrets(channel, known.secrets)
    if (field === undefined)
      return [...well(subject, now), ...deliveryCondition(delivery, id, known, awakeSince, now)]
    const sentence = message('condition.channelSecret', { name, id, field: field.name })
    const headline = { sentence: message('status.channelSecret', { name }), detail: sentence }
    return [...condition(subject, 'notice', now, sentence, 0, headline), ...well(delivery, now)]
  })
}

/** Only a delivery ends the condition: without an attempt, or while little has failed, it is unknown. */
function deliveryCondition(
  subject: { id: string; name: string; source: null },
  channel: string,
  { condition: kind, at, failingSince, sentence: reason, waiting }: ChannelState,
  awakeSince: number,
  now: number,
): FoundCondition[] {
  const { name } = subject
  if (kind === 'ok') return well(subject, now)
  if (at === null || failingSince === null || reason === null) return unknown(subject)
  const report = (key: 'Refuses' | 'Fails', params: Record<string, string | number>) =>
    condition(
      { ...subject, cause: [reason] },
      'notice',
      failingSince,
      message(`condition.channel${key}`, { name, ...params }),
      0,
      { sentence: message(`status.channel${key}`, { name }), detail: reason },
    )
  if (kind === 'refused') return report('Refuses', { id: channel })
  // The last attempt counts, not the clock: none is made while the computer sleeps, or in quiet hours.
  const hasFailedForLong = at - Math.max(failingSince, awakeSince) >= CHANNEL_FAILS_MS
  return waiting > 0 && hasFailedForLong ? report('Fails', { since: failingSince }) : unknown(subject)
}
