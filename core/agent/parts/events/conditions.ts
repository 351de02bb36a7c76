import { message } from '../../../lib/i18n/message.ts'
import { condition, type FoundCondition, MINUTE_MS, unknown, well } from '../../state/condition.ts'
import type { AppState } from '../../state/schema.ts'

/** A sink of events that fails for this long is reported. */
const SINK_FAILS_MS = 5 * MINUTE_MS

/** Reports sinks that have taken no events for a while. The events wait in the log meanwhile. */
export function sinkConditions({ settings, eventSinks }: AppState, now: number): FoundCondition[] {
  return settings.events.sinks.flatMap(({ id, name, enabled }): FoundCondition[] => {
    const subject = { id: `sink:${id}`, name, source: null }
    const known = eventSinks.find((one) => one.id === id)
    if (!enabled) return well(subject, now)
    if (known === undefined) return unknown(subject)
    if (known.condition !== 'retrying' || known.sentence === null) return well(subject, now)
    if (now - known.since < SINK_FAILS_MS) return unknown(subject)
    const { since, refused: count } = known
    const sentence =
      count > 0
        ? message('condition.eventSinkRefuses', { name, count })
        : message('condition.eventSink', { name, since })
    const headline = { sentence, detail: known.sentence }
    return condition(subject, 'notice', since, sentence, 0, headline)
  })
}
