import { missingSecrets } from '../../../alerts/channels/catalog.ts'
import { message } from '../../../lib/i18n/message.ts'
import { condition, type FoundCondition, unknown, well } from '../../state/condition.ts'
import type { AppState } from '../../state/schema.ts'

/** Reports channels that lack a secret that they need for sending. */
export function channelConditions({ settings, channels }: AppState, now: number): FoundCondition[] {
  return settings.alerts.channels.flatMap((channel): FoundCondition[] => {
    const { id, name, enabled } = channel
    const subject = { id: `channel:${id}`, name, source: null }
    const known = channels.find((one) => one.id === id)
    if (known === undefined) return unknown(subject)
    const [field] = missingSecrets(channel, known.secrets)
    if (field === undefined || !enabled) return well(subject, now)
    const sentence = message('condition.channelSecret', { name, id, field: field.name })
    const headline = { sentence: message('status.channelSecret', { name }), detail: sentence }
    return condition(subject, 'notice', now, sentence, 0, headline)
  })
}
