import { missingSecrets } from '../../../alerts/channels/catalog.ts'
import { message } from '../../../lib/i18n/message.ts'
import {
  condition,
  type FoundCondition,
  MINUTE_MS,
  type Subject,
  unknown,
  well,
} from '../../state/condition.ts'
import type { AppState } from '../../state/schema.ts'

/** A channel that fails for this long is reported, unless it refuses: short failures of networks and servers are normal. */
const CHANNEL_FAILS_MS = 30 * MINUTE_MS

/** Reports channels that lack a secret that they need for sending, and channels that deliver nothing. */
export function channelConditions({ settings, channels }: AppState, now: number): FoundCondition[] {
  return settings.alerts.channels.flatMap((channel): FoundCondition[] => {
    const { id, name, enabled } = channel
    const subject = { id: `channel:${id}`, name, source: null }
    const known = channels.find((one) => one.id === id)
    if (known === undefined) return unknown(subject)
    if (!enabled) return well(subject, now)
    const [field] = missingSecrets(channel, known.secrets)
    if (field === undefined) return deliveryCondition(subject, id, known, now)
    const sentence = message('condition.channelSecret', { name, id, field: field.name })
    const headline = { sentence: message('status.channelSecret', { name }), detail: sentence }
    return condition(subject, 'notice', now, sentence, 0, headline)
  })
}

function deliveryCondition(
  subject: Subject,
  id: string,
  { condition: kind, failingSince, sentence: reason }: AppState['channels'][number],
  now: number,
): FoundCondition[] {
  const { name } = subject
  if (failingSince === null || reason === null) return well(subject, now)
  if (kind !== 'refused' && now - failingSince < CHANNEL_FAILS_MS) return unknown(subject)
  const sentence =
    kind === 'refused'
      ? message('condition.channelRefuses', { name, id })
      : message('condition.channelFails', { name, since: failingSince })
  const headline = { sentence: message('status.channelFails', { name }), detail: reason }
  return condition({ ...subject, cause: [reason] }, 'notice', failingSince, sentence, 0, headline)
}
